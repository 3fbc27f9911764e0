#!/bin/bash
# A board from a card without a node: it asks on its console and on its card, is answered, and is a node. Then
# its state partition is destroyed, and it says so.
#
#   tests/boards/admit.sh IMAGE
image=$1
. "$(dirname "$0")/lib.sh"
BOARD_KIND[board]=$(kind_of "$image")
have_machine "${BOARD_KIND[board]}" || exit 0
lab_begin
boot=$LAB/board.card@@$CARD_BOOT
starling() { "$BUILD/starling" "$@"; }

starling network create square --folder "$LAB/network" >"$LAB/network.log"
ok "starling flash writes a card without a node" says 'asks to be admitted' starling flash "$image" "$LAB/board.card" --to-file
truncate -s 512M "$LAB/board.card"
power_on board
ok "the board asks to be admitted" board_says board 'this board belongs to no network'
ok "and shows its request as a code" board_says board '█'
sleep 5 # people read before they pull
pull_plug board
ok "its request is on the card" mcopy -n -i "$boot" ::request.txt "$LAB/request.txt"
ok "and can be answered" says 'admitted' starling node admit "$LAB/request.txt" --name kiosk
mmd -i "$boot" ::starling && mcopy -i "$boot" "$LAB/network/nodes/kiosk/answer" ::starling/answer
power_on board
ok "with the answer it works" board_says board 'starling: working'
pull_plug board
ok "request and answer are gone from the card" test -z "$(mdir -b -i "$boot" ::request.txt ::starling 2>/dev/null)"

read -r first sectors < <(sfdisk -d "$LAB/board.card" | sed -nE '/card3/s/.*start= *([0-9]+), size= *([0-9]+).*/\1 \2/p')
ok "its state partition has grown to the card" test $((first + sectors)) = $((512 << 11))
head -c $((sectors * 512)) /dev/urandom | dd of="$LAB/board.card" bs=1M seek=$((first >> 11)) conv=notrunc status=none
power_on board
ok "a state partition beyond repair is told of" board_says board 'NEEDS YOU: the state partition cannot be used'
boards_end
