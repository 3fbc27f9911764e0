#!/bin/bash
# The plug pulled all through a board's first start: the card is copied each time the board has written to it, while
# the board stands still. Each copy is a card as pulling the plug there leaves it, and must make a working board.
#
#   tests/boards/cuts.sh IMAGE [COUNT]        with COUNT of these cards (20), spread evenly
image=$1
count=${2-20}
. "$(dirname "$0")/lib.sh"
have_machine "$(kind_of "$image")" || exit 0
lab_begin

# copy_while_it_starts: $LAB/cut1.card and so on, until the board works; CUTS is how many.
copy_while_it_starts() {
    local end=$((SECONDS + BOOT_SECONDS)) seen="" now
    CUTS=0
    until board_said board 'starling: working' || [ $SECONDS -ge $end ]; do
        now=$(stat -c %y "$LAB/board.card")
        if [ "$now" = "$seen" ]; then
            sleep 0.02
            continue
        fi
        kill -STOP "${BOARD_PID[board]}"
        seen=$(stat -c %y "$LAB/board.card")
        CUTS=$((CUTS + 1))
        cp --sparse=always "$LAB/board.card" "$LAB/cut$CUTS.card"
        kill -CONT "${BOARD_PID[board]}"
    done
    board_said board 'starling: working'
}

"$BUILD/starling" network create square --folder "$LAB/network" >"$LAB/network.log"
"$BUILD/starling" node add board >>"$LAB/network.log"
key=$(sed -n 2p "$LAB/network/nodes/board/node.key")
ok "starling flash writes the card" cards "$image" board
power_on board
ok "the board works; meanwhile its card was copied" copy_while_it_starts
pull_plug board
ok "it has written at $CUTS times at least, $count are wanted" test "$CUTS" -ge "$count"

for ((i = 0; i < count && i < CUTS; i++)); do
    cut=cut$((1 + i * CUTS / count))
    BOARD_KIND[$cut]=${BOARD_KIND[board]}
    had=no
    card_keeps $cut "$key" && had=yes
    power_on $cut
    ok "$cut of $CUTS, its key on the boot partition: $had; the next start makes it work" board_says $cut 'starling: working'
    pull_plug $cut
    ok "and no key is left there" none card_keeps $cut "$key"
    [ $FAILURES -gt 0 ] || rm "$LAB/$cut.card"
done
boards_end
