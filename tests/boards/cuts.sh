#!/bin/bash
# The plug pulled all through a board's first start: the card is copied each time the board has written to it, while
# the board stands still. Each copy is a card as pulling the plug there leaves it. Its partitions are repaired as the
# board does it, and its admission is run on what they hold, here: it must become the node, and leave no key. Some of
# them, spread evenly, are started in the emulated board, too.
#
#   tests/boards/cuts.sh IMAGE [COUNT]        COUNT of them are started (4)
image=$1
count=${2-4}
. "$(dirname "$0")/lib.sh"
have_machine "$(kind_of "$image")" || exit 0
lab_begin
admission=$PWD/boards/common/overlay/usr/lib/starling/admission

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

# folders_of CUT: what its partitions hold, in $LAB/CUT.boot and $LAB/CUT.data, after the repair that systemd would make.
folders_of() {
    local card=$LAB/$1.card first sectors
    mkdir "$LAB/$1.boot" "$LAB/$1.data" "$LAB/$1.run"
    read -r first sectors < <(sfdisk -d "$card" | sed -nE '/card3/s/.*start= *([0-9]+), size= *([0-9]+).*/\1 \2/p')
    dd if="$card" of="$LAB/state" bs=1M skip=$((first >> 11)) count=$((sectors >> 11)) conv=sparse status=none
    e2fsck -fp "$LAB/state" >"$LAB/$1.fsck" 2>&1
    [ $? -lt 4 ] || return 1
    debugfs -R "rdump / $LAB/$1.data" "$LAB/state" >/dev/null 2>&1
    rm "$LAB/state"
    mcopy -s -n -i "$card@@$CARD_BOOT" ::* "$LAB/$1.boot/"
}

# becomes_the_node CUT: what its next start makes of it.
becomes_the_node() {
    local boot=$LAB/$1.boot data=$LAB/$1.data
    folders_of "$1" || return 1
    env TEST_FOLDERS=1 BOOT="$boot" DATA="$data" RUN="$LAB/$1.run" OWNER="$(id -un):$(id -gn)" SIGN=true \
        STARLING="$BUILD/starling" STARLINGD="$BUILD/starlingd" sh "$admission" >"$LAB/$1.log" 2>&1
    cmp "$data/node/node.key" "$LAB/network/nodes/board/node.key" && [ ! -e "$boot/starling" ] &&
        "$BUILD/starlingd" --check -c "$data/node/starlingd.conf" >/dev/null
}

all_become_the_node() {
    local cut
    WITH_KEY=0
    for ((cut = 1; cut <= CUTS; cut++)); do
        becomes_the_node cut$cut || { echo "cut$cut of $CUTS does not" && return 1; }
        card_keeps cut$cut "$key" && WITH_KEY=$((WITH_KEY + 1))
        rm -r "$LAB/cut$cut".{boot,data,run}
    done
}

"$BUILD/starling" network create square --folder "$LAB/network" >"$LAB/network.log"
"$BUILD/starling" node add board >>"$LAB/network.log"
key=$(sed -n 2p "$LAB/network/nodes/board/node.key")
ok "starling flash writes the card" cards "$image" board
power_on board
ok "the board works; meanwhile its card was copied" copy_while_it_starts
pull_plug board
ok "it has written at $CUTS times, 20 at least" test "$CUTS" -ge 20
ok "whichever is the last, the next start makes it the node" all_become_the_node
ok "at $WITH_KEY of them its key was still on the boot partition" test "$WITH_KEY" -gt 0 -a "$WITH_KEY" -lt "$CUTS"

for ((i = 0; i < count && i < CUTS; i++)); do
    cut=cut$((1 + i * CUTS / count))
    BOARD_KIND[$cut]=${BOARD_KIND[board]}
    power_on $cut
    ok "$cut of $CUTS works when it is started again" board_says $cut 'starling: working'
    pull_plug $cut
    ok "and no key is left on its boot partition" none card_keeps $cut "$key"
done
boards_end
