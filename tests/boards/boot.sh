#!/bin/bash
# The real image of a board, flashed with a node, in the machine that QEMU has for it, or for one like it: it
# comes to the daemon, its plug is pulled, it comes there again, and no key is left on its boot partition.
#
#   tests/boards/boot.sh IMAGE
image=$1
. "$(dirname "$0")/lib.sh"
kind=$(kind_of "$image")
have_machine "$kind" || exit 0
lab_begin

"$BUILD/starling" network create square --folder "$LAB/network" >"$LAB/network.log"
"$BUILD/starling" node add board >>"$LAB/network.log"
ok "starling flash writes the card" cards "$image" board
power_on board
ok "$kind comes to the daemon" board_says board 'starling: working'
echo "figure: seconds from power to working, $kind emulated: $(since_power board)"
pull_plug board
power_on board
ok "and again, after its plug was pulled" board_says board 'starling: working'
pull_plug board
no_key_on_card board
boards_end
