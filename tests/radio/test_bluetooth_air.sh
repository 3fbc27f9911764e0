#!/bin/bash
# What a listener with a Bluetooth radio gets: a capture of all that two boards say is searched for what
# people are called, write and hold, and the advertisements and addresses of two boots for anything that
# links them. bluetoothd is set up as boards' images have it.
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

# addresses FILE: whose advertisements were heard in a capture, and who was at the other end of a connection;
# of an attempt that failed that is nobody, zeroes.
addresses() {
    btmon -r "$1" 2>/dev/null | awk '
        /^[<>@=]/ {inside = /^> HCI Event: LE Meta/}
        inside && /(Address|Peer address): / {if (match($0, /([0-9A-F][0-9A-F]:)+[0-9A-F][0-9A-F]/))
            print substr($0, RSTART, RLENGTH)}' | grep -v '^[0:]*$' | sort -u
}
own_addresses() { # of the radios, which stay the same for ever
    local hci
    for hci in $(controllers); do
        hci_address "$hci"
    done | sort
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
# boot: both boards lose all power, and come back.
boot() {
    if [ -n "${NODE_PID[$a]-}" ]; then
        node_down $a
        node_down $b
    fi
    { kill $BLUETOOTHD_PID $BTVIRT_PID && wait $BLUETOOTHD_PID $BTVIRT_PID; } 2>/dev/null
    wait_until 20 eval '[ -z "$(controllers)" ]'
    record "$1"
    bluetoothd_up && bluetooth_air $a $b || give_up "there is Bluetooth"
    node_up $a && node_up $b || exit 1
}

lab_begin
bluetooth_begin && bluetooth_air $a $b || give_up "there is Bluetooth"
lab_network $a $b
bluetooth_boards $a $b
own_addresses >"$LAB/own"
# Something that anybody could read, under addresses that stay: a control of the recorder and of the search.
record "$LAB/plain"
bluetooth_bare $a $b 1
stop_recording
ok "the recorder hears the air, and the search finds text in it" has 'what no radio hides' "$LAB/plain"
ok "and addresses" [ -n "$(comm -12 "$LAB/own" <(addresses "$LAB/plain"))" ]

BLUETOOTH_CONF=$RADIO/../../boards/common/overlay/etc/bluetooth/main.conf
boot "$LAB/first"
ok "two boards link" wait_until 90 links_up $a 1
plant $a $b
stop_recording
boot "$LAB/second"
ok "they link again after a boot" wait_until 90 links_up $a 1
node_down $a
node_down $b
stop_recording

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

addresses "$LAB/first" >"$LAB/first.who"
addresses "$LAB/second" >"$LAB/second.who"
echo "addresses of one boot:" $(<"$LAB/first.who") "of the next:" $(<"$LAB/second.who")
ok "both boards were heard in each boot" [ "$(wc -l <"$LAB/first.who")" -ge 2 -a "$(wc -l <"$LAB/second.who")" -ge 2 ]
ok "never under an address of a radio's own" [ -z "$(sort -u "$LAB/first.who" "$LAB/second.who" | comm -12 - "$LAB/own")" ]
ok "nor in two boots under the same" [ -z "$(comm -12 "$LAB/first.who" "$LAB/second.who")" ]
finish
