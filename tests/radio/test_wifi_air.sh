#!/bin/bash
# What a listener with a radio gets: a capture of the air is searched for what people are called, write
# and hold, and the beacons of two boots for anything that links them.
. "$(dirname "$0")/lib.sh"
. "$RADIO/../e2e/search.sh"

# beacons FILE: of a capture of Ethernet frames, each as one line of hex (PROTOCOL.md: type 1, 49 bytes). Its
# number and counts are struck out: one byte begins anywhere, the others are what two boards always count.
beacons() {
    tcpdump -n -xx -r "$1" 2>/dev/null | awk '
        /^\t0x/ {sub(/^[^:]*:/, ""); gsub(/ /, ""); frame = frame $0; next}
        {if (frame) print frame; frame = ""}
        END {print frame}' | cut -c 125- | grep -E '^01.{96}$' |
        sed -E 's/^(.{18}).{8}/\1--------/'
}

# addresses FILE: from which MAC addresses its frames came.
addresses() {
    tcpdump -n -e -r "$1" 2>/dev/null | awk '{print $2}' | sort -u
}

# shared FIRST SECOND: which runs of four bytes, behind the type, occur in beacons of both.
shared() {
    awk 'function each(line, table, i) {
             for (i = 3; i + 7 <= length(line); i += 2)
                 if (substr(line, i, 8) !~ /-/) table[substr(line, i, 8)] = 1
         }
         NR == FNR {each($0, first); next}
         {each($0, second)}
         END {for (run in second) if (run in first) print run}' "$1" "$2"
}

a=planted1
b=planted2
lab_begin
lab_network $a $b
wifi_begin 2
wifi_cell $a $b
ip link set hwsim0 up
tcpdump -Z root --immediate-mode -i hwsim0 -U -w "$LAB/air" 2>"$LAB/air.err" &
recorder=$!
wait_until 20 grep -qs 'listening on' "$LAB/air.err"
record_beacons() { # FILE: what a sends to all, as b hears it
    ip netns exec $b tcpdump -Z root --immediate-mode -i "${NODE_WLAN[$b]}" -U -w "$1" \
        udp and ip6 multicast and inbound 2>"$1.err" &
    beacon_recorder=$!
    wait_until 20 grep -qs 'listening on' "$1.err"
}
stop_recording() { # PROCESS
    kill "$1"
    wait "$1" 2>/dev/null
}

node_up $b || exit 1
wait_until 30 in_cell $b
record_beacons "$LAB/first"
node_up $a || exit 1
ok "two boards link" wait_until 60 links_up $a 1
plant $a $b
sleep 3 # a few beacons more
node_down $a
stop_recording "$beacon_recorder"
record_beacons "$LAB/second"
node_up $a || exit 1
ok "they link again after a boot" wait_until 60 links_up $a 1
# Something that anybody could read, as a control of the recorder and of the search.
inside $b bash -c "echo 'what no radio hides' >/dev/udp/ff02::1%${NODE_WLAN[$b]}/9"
sleep 3
node_down $a
node_down $b
stop_recording "$beacon_recorder"

stop_recording "$recorder"
ok "the recorder hears the air, and the search finds text in it" has 'what no radio hides' "$LAB/air"
search_works
ok "something was recorded ($(stat -c %s "$LAB/air") bytes)" [ "$(stat -c %s "$LAB/air")" -gt 20000 ]
ok "no text, name or key on the air" absent holds_secrets "$LAB/air"
ok "nor which node it is" absent has "planted|$origin" "$LAB/air"
ok "in any form" absent has_bytes "$origin" "$LAB/air"
ok "nor a node's seed" absent has_bytes "$node_seed" "$LAB/air"
ok "nor which network" absent has 'square' "$LAB/air"

beacons "$LAB/first" >"$LAB/first.hex"
beacons "$LAB/second" >"$LAB/second.hex"
echo "$(wc -l <"$LAB/first.hex") beacons of one boot, $(wc -l <"$LAB/second.hex") of the next"
ok "there are beacons of both boots" \
    [ "$(sort "$LAB/first.hex" "$LAB/second.hex" | uniq | wc -l)" -ge 4 ]
head -n 1 "$LAB/first.hex" >"$LAB/one.hex"
sed 1d "$LAB/first.hex" >"$LAB/others.hex"
ok "those of one boot share the link id" [ -n "$(shared "$LAB/one.hex" "$LAB/others.hex")" ]
ok "those of two boots share nothing but the format" \
    [ -z "$(shared "$LAB/first.hex" "$LAB/second.hex")" ]
ok "nor an address of the radio" \
    [ -z "$(comm -12 <(addresses "$LAB/first") <(addresses "$LAB/second"))" ]
ok "which each has" [ "$(addresses "$LAB/first" | wc -l) $(addresses "$LAB/second" | wc -l)" = "1 1" ]
finish
