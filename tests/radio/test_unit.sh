#!/bin/bash
# starlingd as it is installed, under systemd, with a radio of each kind: what its sandbox lets it do, what a
# newcomer is told when something is in its way, and that the cure is one.
export RADIO_INIT=systemd
. "$(dirname "$0")/lib.sh"
. "$RADIO/../e2e/across.sh"

# install_unit: what README says, on Debian as it is.
install_unit() {
    make -s -C "$RADIO/../.." -o all install PREFIX=/usr B="$BUILD" &&
        systemd-sysusers &&
        cp -rT "$LAB/network/nodes/unit" /etc/starling &&
        cp /usr/share/starling/starlingd.conf /etc/starling/ &&
        chown -R starling: /etc/starling &&
        udevadm control --reload && udevadm trigger --settle --subsystem-match=misc &&
        systemctl daemon-reload && systemctl reload dbus
}
# setting SECTION KEY VALUE: in its configuration.
setting() {
    sed -i "/^#\?$2 = /d; s/^\[$1\]$/&\n$2 = $3/" /etc/starling/starlingd.conf
}
# restarted: with what was changed.
restarted() {
    systemctl daemon-reload
    systemctl reset-failed starlingd 2>/dev/null
    systemctl restart starlingd && wait_until 30 node_answers unit
}
# newcomer COMMAND…: somebody who is in the group, as README says, and nothing else.
newcomer() {
    setpriv --reuid nobody --regid nogroup --groups "$(getent group starling | cut -d: -f 3)" starling "$@"
}
# tells COMMAND PATTERN: within what the refresh of radios takes, and a machine that is emulated.
tells() {
    wait_until 60 told "$@" || { echo "expected /$2/ from $1:" && newcomer "$1"; false; }
}
told() {
    newcomer "$1" 2>&1 | tr -s ' \n' ' ' | grep -qE -- "$2"
}

lab_begin
lab_network B C
"$BUILD/starling" node add unit >>"$LAB/network.log"
NODE_EXTRA[unit]=
ln -s /run/starling/control.sock "$LAB/unit.sock"
wifi_begin 2
wifi_board B 1
WLAN=wlan1
echo 1 >"$WIFI_DEBUG/phy1/hwsim/group"
modprobe hci_vhci
systemctl start bluetooth && wait_until 60 on_the_bus && bluetooth_air unit C || give_up "there is Bluetooth"
bluetooth_boards C
install_unit || give_up "it is installed"
setting bluetooth adapters "${NODE_HCI[unit]}" # the other one is C's

ok "before it runs: the doctor says so, and how to start it" tells doctor "systemctl start starlingd"
ok "and that both radios can be used" tells doctor "Wi-Fi $WLAN can be used.*Bluetooth ${NODE_HCI[unit]} can be used"

# ---- At work ----
ok "systemctl start, and it is ready" restarted
ok "it takes the Wi-Fi radio that nobody uses" tells radios "wifi $WLAN: joined how in the ad hoc cell 'starling'"
ok "and the Bluetooth adapter" tells radios "bluetooth ${NODE_HCI[unit]}: looking"
ok "of the country nothing is known, and what to do" tells doctor "knows no country.*set 'country' under"
node_up B && node_up C || exit 1
ok "it links over both" wait_until 90 links_up unit 2
ok "the doctor finds nothing wrong" tells doctor 'Nothing is wrong with this node'
at B persona create bob >/dev/null
at C persona create carol >/dev/null
at B send '#general' 'from Wi-Fi to Bluetooth' >/dev/null
ok "it relays from Wi-Fi to Bluetooth" wait_until 60 came C 'from Wi-Fi to Bluetooth'
pid=$(systemctl show -P MainPID starlingd)
grep -E '^(Uid|Cap(Prm|Eff|Bnd)|NoNewPrivs|Seccomp):' "/proc/$pid/status" >"$LAB/rights.log"
ok "as a user of its own" [ "$(awk '/^Uid/ {print $2}' "$LAB/rights.log")" = "$(id -u starling)" ]
ok "with one capability, behind a filter" [ "$(awk '!/^Uid/ {printf "%s ", $2}' "$LAB/rights.log")" = \
    "0000000000001000 0000000000001000 0000000000001000 1 2 " ]
journalctl -u starlingd --no-pager >"$LAB/journal.log"
ok "the sandbox was in the way of nothing" none grep -E 'not permitted|denied|failed' "$LAB/journal.log"

# ---- In its way ----
systemctl stop bluetooth
ok "bluetoothd stopped: cause and cure" tells doctor "bluetoothd has stopped; .systemctl enable --now bluetooth"
systemctl enable --now bluetooth 2>/dev/null
ok "the cure is one" wait_until 90 links_up unit 2

echo 1 | tee /sys/class/rfkill/rfkill*/soft >/dev/null
ok "rfkill, Bluetooth: cause and cure" tells doctor "is not used: blocked by rfkill; 'rfkill unblock bluetooth'"
ok "rfkill, Wi-Fi: it unblocks what it took by itself" tells radios "wifi $WLAN: joined"
grep -lx bluetooth /sys/class/rfkill/rfkill*/type | sed 's/type$/soft/' | while read -r file; do echo 0 >"$file"; done
ok "the cure is one" wait_until 90 links_up unit 2

setting wifi country DE
setting wifi channel 14
restarted
ok "a channel that is forbidden: cause and cure" tells doctor "the rules of country '..' do not let it begin on channel 14"
setting wifi channel 1
restarted
ok "the country is set" tells radios "joined.*country DE"

mkdir /etc/systemd/system/starlingd.service.d
printf '[Service]\nCapabilityBoundingSet=\nAmbientCapabilities=\n' >/etc/systemd/system/starlingd.service.d/poor.conf
restarted
ok "without the capability: cause and cure" tells doctor "CAP_NET_ADMIN is missing\); start it with the unit"
systemctl stop starlingd
rm -r /etc/systemd/system/starlingd.service.d

ip link set "$WLAN" up
ok "an interface that somebody has set up is not called free" tells doctor "$WLAN was set up by somebody else"
ip link set "$WLAN" down
mkdir -p /run/wpa_supplicant
wpa_supplicant -B -P /run/wpa.pid -i "$WLAN" -C /run/wpa_supplicant >"$LAB/wpa.log" || give_up "wpa_supplicant holds it"
ok "wpa_supplicant holds it: the doctor says it" tells doctor "$WLAN is in the hands of wpa_supplicant.*'enabled = yes' under"
restarted
ok "starlingd leaves it there, and says what to do" tells radios "wpa_supplicant; to take it all the same, write 'enabled = yes'"
setting wifi enabled yes
restarted
ok "the cure is one" tells radios "wifi $WLAN: joined"
systemctl stop starlingd

node_down B
node_down C
kill "$(cat /run/wpa.pid)"
modprobe -r mac80211_hwsim
wifi_begin 0
wifi_poor managed
ok "a driver without ad hoc: the doctor says it" tells doctor 'its driver has neither ad hoc nor 802.11s'
restarted
ok "and starlingd" tells radios 'no ad hoc, no 802.11s in its driver, and no connection to use'
finish
