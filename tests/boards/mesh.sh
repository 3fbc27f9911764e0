#!/bin/bash
# Two boards from the real image, flashed with a node each, carry messages between people on both sides:
#
#   alice at west ── north ── south ── carol at east
#
# What stands between is cable or air: two Wi-Fi radios, which starlingd brings together by itself. North's plug is pulled in its first start and while
# it relays; south has no clock and believes in 1970. At the end south is lost, and revoked.
#
#   tests/boards/mesh.sh IMAGE [AIR]
#
# With AIR, the program of tests/boards/air.c built for the board, they have radios and no cable.
image=$1
air=${2-}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../e2e/across.sh"
have_machine "$(kind_of "$image")" || exit 0
[ "$LAB_NETNS" = yes ] || { skip "emulated boards: the lab needs network namespaces, and so root" && exit 0; }

lab_begin
lab_network west east
"$BUILD/starling" node add north >>"$LAB/network.log"
"$BUILD/starling" node add south >>"$LAB/network.log"
ok "starling flash writes both cards" cards "$image" north south
board_cable north west 52:54:00:00:02:01
board_cable south east 52:54:00:00:02:02
if [ -n "$air" ]; then
    boards_air north south "$air"
else
    boards_cable north south
fi
node_up west || exit 1
node_up east || exit 1

power_on south -rtc base=1970-01-01T00:00:00
power_on north
ok "north's boot loader starts the kernel" board_says north 'Starting kernel'
sleep 8 # somewhere in its first start
pull_plug north
power_on north
ok "north works, after its plug was pulled in its first start" board_says north 'starling: working'
echo "figure: seconds from power to working, two boards emulated on $(nproc) processors: $(since_power north)"
ok "south works, with its clock in 1970" board_says south 'starling: working'
ok "north has joined the mesh" wait_until "$BOOT_SECONDS" links_up west 1
echo "figure: seconds from power to joined: $(since_power north)"
ok "and so has south" wait_until "$BOOT_SECONDS" links_up east 1

persona west alice
persona east carol
ok "carol becomes known in the west" wait_until 120 knows west carol
ok "alice becomes known in the east" wait_until 120 knows east alice
direct_across west east carol

pull_plug north
at west send '#general' 'written while the plug was out' >/dev/null
power_on north
ok "what was written while north's plug was out arrives" wait_until "$BOOT_SECONDS" came east 'written while the plug was out'
echo "figure: seconds from power to the first message carried: $(since_power north)"
direct_across east west alice

if [ -n "$air" ]; then
    ok "it says how much memory is in use" board_says north 'memory: .* in use'
    grep -ao 'memory: .* in use' "$LAB/north.console" | sed 's/^/figure: /'
fi
no_key_on_card north
no_key_on_card south

ok "south is lost: revoked at west" env STARLING_SOCKET="$LAB/west.sock" "$BUILD/starling" network revoke south
at east send '#general' 'through a lost board' >/dev/null
ok "nothing comes through it any more" holds_on 10 none came west 'through a lost board'
boards_end
