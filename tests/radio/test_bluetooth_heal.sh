#!/bin/bash
# What befalls Bluetooth on a board in use: adapters blocked, bluetoothd killed and restarted, the adapter
# pulled. Traffic resumes by itself within 30 s of the end of it, and nothing that was said meanwhile is lost.
. "$(dirname "$0")/lib.sh"
. "$RADIO/../e2e/across.sh"
lab_begin
bluetooth_begin && bluetooth_air A B || give_up "there is Bluetooth"
lab_network A B
bluetooth_boards A B
for node in A B; do node_up $node || exit 1; done
ok "two boards link" wait_until 90 links_up A 1
persona A alice
persona B bob
wait_until 60 knows B alice || give_up "they know each other"
expected=()

# heals TEXT BREAK MEND: says something while it is broken, and waits for it after it was mended.
heals() {
    local text=$1 mended_at
    expected+=("$text")
    eval "$2"
    sleep 3
    at A send '#general' "$text" >/dev/null
    sleep 3
    eval "$3"
    mended_at=$EPOCHREALTIME
    ok "after: $text" wait_until 90 came B "$text"
    echo "figure: after $(jq -n "$EPOCHREALTIME - $mended_at | round") s (goal: 30)"
}

block() { # all adapters, as a key of a laptop does
    local file
    for file in /sys/class/rfkill/rfkill*; do
        [ "$(cat "$file/type")" != bluetooth ] || echo "$1" >"$file/soft"
    done
}
release() { # Debian's bluetoothd 5.66 aborts now and then when it is blocked; systemd would restart it
    block 0
    if ! kill -0 $BLUETOOTHD_PID 2>/dev/null; then
        echo "bluetoothd had aborted by itself"
        bluetoothd_up
    fi
}
bluetoothd_killed() {
    kill -KILL $BLUETOOTHD_PID
    wait $BLUETOOTHD_PID 2>/dev/null
}
adapters_pulled() {
    kill $BTVIRT_PID
    wait $BTVIRT_PID 2>/dev/null
}
adapters_back() { # under the names that they had
    bluetooth_air A B || give_up "the adapters are back"
}

heals "all adapters blocked and released" "block 1" release
heals "bluetoothd killed and restarted" bluetoothd_killed bluetoothd_up
heals "adapters pulled and plugged in again" adapters_pulled adapters_back
ok "nothing is lost, and nothing came twice" \
    [ "$(heard B alice general)" = "$(printf '%s\n' "${expected[@]}" | jq -R . | jq -sc .)" ]
finish
