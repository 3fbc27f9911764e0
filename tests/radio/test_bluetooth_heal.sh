#!/bin/bash
# What befalls Bluetooth on a board in use: adapters blocked, bluetoothd killed and restarted, the adapter
# pulled. Traffic resumes by itself within 30 s of the end of it, and nothing that was said meanwhile is lost.
. "$(dirname "$0")/lib.sh"
. "$RADIO/../e2e/across.sh"
. "$RADIO/heal.sh"
lab_begin
bluetooth_begin && bluetooth_air A B || give_up "there is Bluetooth"
lab_network A B
bluetooth_boards A B
pair_up

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
nothing_lost
finish
