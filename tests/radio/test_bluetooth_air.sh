#!/bin/bash
# What a listener with a Bluetooth radio gets: a capture of all that two boards say is searched for what
# people are called, write and hold, and the advertisements of two boots for anything that links them.
. "$(dirname "$0")/lib.sh"
. "$RADIO/../e2e/search.sh"

# adverts FILE: service data of Starling's UUID out of a btsnoop capture, each as one line of hex: type
# 0x16, UUID 0x5354 (PROTOCOL.md, Bluetooth), 24 bytes.
adverts() {
    xxd -p "$1" | tr -d '\n' | grep -oE '1b165453.{48}' | cut -c 9- | sort -u
}

# record FILE: everything between the hosts and their controllers, which is what goes through the air
# and more.
record() {
    btmon -w "$1" >"$1.shown" 2>&1 &
    recorder=$!
    wait_until 20 test -s "$1"
}
stop_recording() {
    kill -INT $recorder
    wait $recorder 2>/dev/null
}

# shared FIRST SECOND: which runs of four bytes occur in lines of both.
shared() {
    awk 'function each(line, table, i) {
             for (i = 1; i + 7 <= length(line); i += 2) table[substr(line, i, 8)] = 1
         }
         NR == FNR {each($0, first); next}
         {each($0, second)}
         END {for (run in second) if (run in first) print run}' "$1" "$2"
}

a=planted1
b=planted2
lab_begin
bluetooth_begin && bluetooth_air $a $b || give_up "there is Bluetooth"
lab_network $a $b
bluetooth_boards $a $b
record "$LAB/first"
node_up $a && node_up $b || exit 1
ok "two boards link" wait_until 90 links_up $a 1
plant $a $b
node_down $a
node_down $b
stop_recording
record "$LAB/second"
node_up $a && node_up $b || exit 1
ok "they link again after a boot" wait_until 90 links_up $a 1
node_down $a
node_down $b
# Something that anybody could read, as a control of the recorder and of the search.
bluetooth_bare $a $b 1
stop_recording

ok "the recorder hears the air, and the search finds text in it" has 'what no radio hides' "$LAB/second"
search_works
ok "something was recorded ($(stat -c %s "$LAB/first") bytes)" [ "$(stat -c %s "$LAB/first")" -gt 10000 ]
ok "no text, name or key on the air" absent holds_secrets "$LAB/first" "$LAB/second"
ok "nor which node it is" absent has "planted|$origin" "$LAB/first" "$LAB/second"
ok "in any form" absent has_bytes "$origin" "$LAB/first" "$LAB/second"
ok "nor a node's seed" absent has_bytes "$node_seed" "$LAB/first" "$LAB/second"
ok "nor which network" absent has 'square' "$LAB/first" "$LAB/second"

adverts "$LAB/first" >"$LAB/first.hex"
adverts "$LAB/second" >"$LAB/second.hex"
echo "$(wc -l <"$LAB/first.hex") advertisements of one boot, $(wc -l <"$LAB/second.hex") of the next"
ok "there are advertisements of both boots" [ -s "$LAB/first.hex" -a -s "$LAB/second.hex" ]
ok "those of two boots share nothing but the format" [ -z "$(shared "$LAB/first.hex" "$LAB/second.hex")" ]
finish
