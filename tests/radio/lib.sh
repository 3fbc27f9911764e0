# Radios for the lab of real daemons (tests/e2e/lib.sh); sourced first by every scenario. Out on the build
# machine it hands the scenario over to the virtual machine; in there it is what gives each node its radio.
#
# The name of a scenario is the last it needs: tests/radio/test_wifi_line.sh runs by itself.
set -u
RADIO=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -z "${RADIO_INSIDE-}" ]; then
    RADIO_LOG=${RADIO_LOG-$RADIO/../../build/log/radio/$(basename "$0").console}
    mkdir -p "$(dirname "$RADIO_LOG")"
    RADIO_LOG=$RADIO_LOG "$RADIO/vm" run "$0" "$@"
    status=$?
    # 77: it cannot be had here, which vm has said in a line that counts as skipped.
    exit $((status == 77 ? 0 : status))
fi
LAB_INSIDE=yes
. "$RADIO/../e2e/lib.sh"
LAB_EXTRA_CONFIG='[log]\nlevel = debug\n'

# What listeners may hear and outsiders may use: name, channel and BSSID of the cell.
CELL=starling CELL_MHZ=2412 CELL_BSSID=02:53:54:4c:47:01
WIFI_DEBUG=/sys/kernel/debug/ieee80211
declare -A NODE_WLAN=() # the node's interface, where it has Wi-Fi

# wifi_begin COUNT: so many radios, phy0 and on, each with an interface.
wifi_begin() {
    modprobe mac80211_hwsim radios="$1"
    WIFI_NEXT=0
}

# wifi_poor TYPE…: one radio more, that can be nothing else: managed, ap, mesh, adhoc. After wifi_begin.
wifi_poor() {
    "$BUILD/radio/hwsim" "$@" || give_up "a radio that is only $*"
}

# wifi_board NODE GROUPS: gives the node the next radio. Two radios hear each other when their GROUPS
# share a bit.
wifi_board() {
    local phy=phy$WIFI_NEXT
    NODE_WLAN[$1]=wlan$WIFI_NEXT
    WIFI_NEXT=$((WIFI_NEXT + 1))
    echo "$2" >"$WIFI_DEBUG/$phy/hwsim/group"
    NODE_EXTRA[$1]+='[wifi]\nenabled = yes\n'
    iw phy "$phy" set netns name "$1"
}

# wifi_line NODE…: each hears the one before and the one behind. Only a bit for each pair: 1 3 6 12 … 
wifi_line() {
    local node bit=1 mask
    for node in "$@"; do
        mask=$((bit | bit >> 1))
        [ "$node" != "${!#}" ] || mask=$((bit >> 1))
        wifi_board "$node" $mask
        bit=$((bit << 1))
    done
}

# wifi_cell NODE…: each hears all.
wifi_cell() {
    local node
    for node in "$@"; do
        wifi_board "$node" 1
    done
}

# wifi_join NODE: into the cell by hand, as an outsider would; boards do it by themselves.
wifi_join() {
    local wlan=${NODE_WLAN[$1]}
    ip netns exec "$1" iw dev "$wlan" set type ibss
    ip -n "$1" link set "$wlan" up
    ip netns exec "$1" iw dev "$wlan" ibss join $CELL $CELL_MHZ fixed-freq $CELL_BSSID
}

# in_cell NODE: whether its radio is where all meet.
in_cell() {
    local info
    info=$(ip netns exec "$1" iw dev "${NODE_WLAN[$1]}" info) &&
        grep -q "ssid $CELL" <<<"$info" && grep -q "$CELL_MHZ MHz" <<<"$info"
}

# wifi_loss NODE PERCENT: of what it sends.
wifi_loss() {
    tc -n "$1" qdisc replace dev "${NODE_WLAN[$1]}" root netem loss "$2%"
}

# ---- Bluetooth ----
# Bluetooth exists only in the first network namespace, so its nodes live there, told apart by their
# controllers.

declare -A NODE_HCI=() # the node's controllers, comma-separated names

# bluetooth_begin: bus and daemon, no controllers yet.
bluetooth_begin() {
    modprobe hci_vhci
    mkdir -p /run/dbus
    dbus-daemon --system --fork --nopidfile
    bluetoothd_up
}

# bluetoothd_up: with the configuration BLUETOOTH_CONF, else Debian's.
bluetoothd_up() {
    /usr/libexec/bluetooth/bluetoothd -n ${BLUETOOTH_CONF:+-f "$BLUETOOTH_CONF"} >>"$LAB/bluetoothd.out" 2>&1 &
    BLUETOOTHD_PID=$!
    wait_until 60 on_the_bus
}

on_the_bus() {
    dbus-send --system --print-reply --dest=org.bluez / org.freedesktop.DBus.ObjectManager.GetManagedObjects \
        >/dev/null 2>&1
}

# bluetooth_air NODE…: one controller for each, all of which hear each other and nobody else. The kernel
# gives a controller 2 seconds for an answer, which a busy machine may miss: then all are made anew.
bluetooth_air() {
    local try before hci
    for try in 1 2 3 4 5; do
        before=$(controllers)
        nice -n -10 btvirt -L "-l$#" >/dev/null 2>&1 &
        BTVIRT_PID=$!
        wait_until 15 eval '[ "$(known_of $(new_controllers "$before"))" = '$#' ]' && break
        kill $BTVIRT_PID
        wait $BTVIRT_PID 2>/dev/null
        sleep 1
    done
    for hci in $(new_controllers "$before"); do
        [ $# -gt 0 ] || return 1
        NODE_HCI[$1]=${NODE_HCI[$1]+${NODE_HCI[$1]}, }$hci
        shift
    done
    [ $# = 0 ]
}

controllers() {
    ls /sys/class/bluetooth | grep -x 'hci[0-9]*' | sort -V
}

new_controllers() { # BEFORE
    controllers | grep -vxF "${1:-none}"
}

# known_of HCI…: how many of them have come so far that BlueZ shows them.
known_of() {
    local hci count=0
    for hci in "$@"; do
        [ -z "$(hci_address "$hci")" ] || count=$((count + 1))
    done
    echo $count
}

# hci_address HCI: as BlueZ knows it.
hci_address() {
    dbus-send --system --print-reply=literal --dest=org.bluez "/org/bluez/$1" \
        org.freedesktop.DBus.Properties.Get string:org.bluez.Adapter1 string:Address 2>/dev/null |
        grep -oE '([0-9A-F]{2}:){5}[0-9A-F]{2}'
}

# bluetooth_boards NODE…: once their controllers are there (bluetooth_air): nodes without any other radio.
bluetooth_boards() {
    local node
    for node in "$@"; do
        ip netns del "$node"
        ip netns attach "$node" $$
        NODE_EXTRA[$node]="[udp]\nenabled = no\n[wifi]\nenabled = no\n"
        NODE_EXTRA[$node]+="[bluetooth]\nenabled = yes\nadapters = ${NODE_HCI[$node]}\n"
    done
}

# both_board NODE GROUPS: a node with its controllers and the next Wi-Fi radio; only one can be.
both_board() {
    ip netns del "$1"
    ip netns attach "$1" $$
    wifi_board "$1" "$2"
    NODE_EXTRA[$1]="[wifi]\nenabled = yes\nradios = ${NODE_WLAN[$1]}\n"
    NODE_EXTRA[$1]+="[bluetooth]\nenabled = yes\nadapters = ${NODE_HCI[$1]}\n"
}

# bluetooth_bare FROM TO SECONDS: packets of 1,150 bytes over a channel between two nodes' controllers,
# without any daemon. What arrived is in $LAB/bare, as tests/radio/rate prints it.
bluetooth_bare() {
    local from=${NODE_HCI[$1]} to=${NODE_HCI[$2]} receiving
    mgmt "$from" power on
    mgmt "$to" power on
    mgmt "$to" connectable on
    mgmt "$to" advertising on
    "$BUILD/radio/rate" receive l2cap "$(hci_address "$to")" 0xc1 >"$LAB/bare" &
    receiving=$!
    sleep 1
    "$BUILD/radio/rate" send l2cap "$(hci_address "$from"),$(hci_address "$to")" 0xc1 1150 "$3" >/dev/null
    wait $receiving
    mgmt "$to" advertising off
}

# mgmt HCI COMMAND…: btmgmt, which hangs without a terminal, and at times with one: advertising that was not
# switched off would be in a daemon's way.
mgmt() {
    local try
    for try in 1 2 3; do
        script -qec "timeout 10 btmgmt --index $*" /dev/null >/dev/null && return
    done
    echo "btmgmt --index $*: failed"
    return 1
}
