#!/bin/bash
# Wrong use says what to do.
. "$(dirname "$0")/lib.sh"
lab_begin
ok "no network yet" says 'network create' "$BUILD/starling" node add north
ok "no network: show" says 'network create' "$BUILD/starling" network show
lab_network A B
lab_link A B
ok "daemon not running" says 'starlingd' at A status
ok "the same node twice" says 'already' "$BUILD/starling" node add A
ok "an unknown command" says 'neighbours' "$BUILD/starling" nieghbours
ok "usage has status 2" bash -c "'$BUILD/starling' frobnicate 2>/dev/null; [ \$? = 2 ]"
ok "keys are for the owner only" [ "$(find "$LAB/network" -type f \( -name '*.key' -o -name '*.seed' \) ! -perm 600 | wc -l)" = 0 ]
node_up A || exit 1
node_up B || exit 1
wait_until 20 links_up A 1
ok "no persona yet" says 'persona create|--as' at A send '#general' hello
persona A alice
persona B carol
wait_until 20 knows A carol
ok "no such person, with the nearest" says 'carol' at A send carl hello
ok "neighbors is neighbours" says 'B' at A neighbors
ok "status in words" says 'neighbour' at A status
ok "an empty message" fails at A send '#general' ''
ok "a message too long" says 'long|10,000|10000' bash -c "head -c 20000 /dev/zero | tr '\0' x | STARLING_SOCKET=$LAB/A.sock '$BUILD/starling' send '#general' -"
ok "escape sequences do not reach the terminal" bash -c "
    printf 'red \033[31m bell \007 \xe2\x80\xae rtl' | STARLING_SOCKET=$LAB/A.sock '$BUILD/starling' send '#general' - >/dev/null
    sleep 1.5
    ! STARLING_SOCKET=$LAB/B.sock '$BUILD/starling' inbox --all --peek | grep -qP '\x1b\[31m|\x07|\xe2\x80\xae'"
(umask 077 && echo "not the right one" >"$LAB/wrong")
node_down A
node_up A || exit 1
ok "a wrong passphrase is refused" says 'passphrase' at A persona unlock alice --passphrase-file "$LAB/wrong"

printf '[node]\nbundle = %s\nstat = x\n[udp]\nport = ninety\n' "$LAB/network/nodes/A" >"$LAB/bad.conf"
ok "configuration errors have file and line" says 'bad.conf:3' "$BUILD/starlingd" -c "$LAB/bad.conf" --check
ok "all of them at once" says 'bad.conf:5' "$BUILD/starlingd" -c "$LAB/bad.conf" --check
ok "a missing file" says 'nowhere' "$BUILD/starlingd" -c "$LAB/nowhere/x.conf"
finish
