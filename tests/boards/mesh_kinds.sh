#!/bin/bash
# Boards of two kinds, each with its own real image and flashed with a node of its own, in a mesh over Wi-Fi radios:
#
#   alice at west ── north ) ) ) south, where carol sits
#
# North's plug is pulled in its first start, and while it relays.
#
#   tests/boards/mesh_kinds.sh AIR IMAGE-OF-NORTH IMAGE-OF-SOUTH      AIR is the program of tests/boards/air.c
air=$1
image_north=$2
image_south=$3
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../e2e/across.sh"
north=$(kind_of "$image_north") south=$(kind_of "$image_south")
have_machine "$north" && have_machine "$south" || exit 0
[ "$LAB_NETNS" = yes ] || { skip "emulated boards: the lab needs network namespaces, and so root" && exit 0; }

lab_begin
lab_network west
"$BUILD/starling" node add north >>"$LAB/network.log"
"$BUILD/starling" node add south >>"$LAB/network.log"
ok "starling flash writes a card for $north" cards "$image_north" north
ok "and one for $south" cards "$image_south" south
BOARD_PERSON[south]=carol
board_cable north west 52:54:00:00:02:01
boards_air north south "$air"
node_up west || exit 1
persona west alice

power_on south
power_on north
ok "north's boot loader starts the kernel" board_says north 'Starting kernel'
sleep 8 # somewhere in its first start
pull_plug north
power_on north
ok "north works, after its plug was pulled in its first start" board_says north 'starling: working'
ok "south works" board_says south 'starling: working'
echo "figure: seconds from power to working, $south emulated: $(since_power south)"
ok "carol, at south, becomes known in the west" wait_until "$BOOT_SECONDS" knows west carol
echo "figure: seconds from power to joined, $south emulated: $(since_power south)"
ok "what she says to all comes there" wait_until 120 came west "carol sits at a board, $south"
at west send carol 'for carol only' >/dev/null
ok "a direct message comes to her" board_says south 'for carol only'
ok "and its receipt back" wait_until 120 is_read west 'for carol only'

pull_plug north
at west send '#general' 'written while the plug was out' >/dev/null
power_on north
ok "what was written while north's plug was out comes to her" board_says south 'written while the plug was out'
no_key_on_card north
no_key_on_card south
boards_end
