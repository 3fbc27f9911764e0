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
ok "wrong use has status 2" with_status 2 "$BUILD/starling" frobnicate
ok "keys are for the owner only" [ "$(find "$LAB/network" -type f \( -name '*.key' -o -name '*.seed' \) ! -perm 600 | wc -l)" = 0 ]
node_up A || exit 1
node_up B || exit 1
wait_until 30 links_up A 1
ok "no persona yet" says 'persona create|--as' at A send '#general' hello
persona A alice
persona B carol
wait_until 30 knows A carol || give_up "A hears of carol"
ok "no such person, with the nearest" says 'carol' at A send carl hello
ok "neighbors is neighbours" says 'B' at A neighbors
ok "status in words" says 'neighbour' at A status
ok "an empty message" fails at A send '#general' ''
head -c 20000 /dev/zero | tr '\0' x >"$LAB/long"
send_long() {
    at A send '#general' - <"$LAB/long"
}
ok "a message too long" says '10000 bytes' send_long
printf 'red \033[31m bell \007 \xe2\x80\xae rtl' | at A send '#general' - >/dev/null
ok "hostile text arrives" wait_until 30 heard_count B alice general 1
ok "and is shown" says 'alice: red .* bell .* rtl' at B inbox --all --peek
ok "without the escape sequences, bells and reordering in it" \
    none grep -qP '\x1b\[31m|\x07|\xe2\x80\xae' <<<"$(at B inbox --all --peek)"
(umask 077 && echo "not the right one" >"$LAB/wrong")
node_down A
node_up A || exit 1
ok "a wrong passphrase is refused" says 'passphrase' at A persona unlock alice --passphrase-file "$LAB/wrong"

printf '[node]\nbundle = %s\nstat = x\n[udp]\nport = ninety\n' "$LAB/network/nodes/A" >"$LAB/bad.conf"
ok "configuration errors have file and line" says 'bad.conf:3' "$BUILD/starlingd" -c "$LAB/bad.conf" --check
ok "all of them at once" says 'bad.conf:5' "$BUILD/starlingd" -c "$LAB/bad.conf" --check
ok "a missing file" says 'nowhere' "$BUILD/starlingd" -c "$LAB/nowhere/x.conf"
finish
