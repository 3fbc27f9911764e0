#!/bin/bash
# Rows 3, 19, 22 and 23 of the attack list on the real binaries: planted secrets are searched for in the
# logs at the highest level, on the disk after the plug was pulled, and on the wire.
. "$(dirname "$0")/lib.sh"
LAB_EXTRA_CONFIG='[log]\nlevel = debug\n'
lab_begin
lab_network A B
lab_line A B
capture() {
    command -v tcpdump >/dev/null && [ "$LAB_NETNS" = yes ]
}
if capture; then
    ip netns exec "$LAB_TAG-A" tcpdump -Z root -i to-B -U -w "$LAB/wire" >/dev/null 2>&1 &
    tcpdump=$!
    sleep 1
fi
node_up A && node_up B || exit 1
wait_until 20 links_up A 1
persona A alicenickname
persona B bobnickname
wait_until 20 knows A bobnickname
at A send '#general' "planted channel text" >/dev/null
at A channels create plannedplot >"$LAB/link"
at A send '#plannedplot' "planted private text" >/dev/null
at A send bobnickname --wait delivered --timeout 20 "planted direct text" >/dev/null
ok "the direct message was delivered" wait_until 10 heard_count B alicenickname "" 1
at B inbox >/dev/null
key=$(at A people --json | jq -r '.people[] | select(.nick == "bobnickname") | .key')
link_key=$(grep -oE '#[A-Za-z0-9_-]{43}' "$LAB/link" | tr -d '#')
sleep 1.5
node_kill A
node_kill B
if capture; then
    sleep 0.5
    kill $tcpdump
    wait $tcpdump 2>/dev/null
fi

secret_text='planted|nickname|plannedplot'
seed_bytes() {
    xxd -r -p "$LAB/network/nodes/$1/node.seed"
}
# holds FILE…: whether any planted secret is in there, as text, hex or bytes.
holds() {
    grep -aqE "$secret_text" "$@" && echo "text found in $*" && return 0
    grep -aqi "$key" "$@" && echo "key found in $*" && return 0
    grep -aqF -- "$link_key" "$@" && echo "channel key found in $*" && return 0
    local name raw
    raw=$(printf '%s' "$key" | sed 's/../\\x&/g')
    grep -aqP "$raw" "$@" && echo "key bytes found in $*" && return 0
    return 1
}
holds_not() {
    ! holds "$@"
}
ok "the search itself works" holds "$LAB/link"
ok "row 23: no text, name or key in the logs" holds_not "$LAB/A.log" "$LAB/B.log"
ok "row 22: none on the disks" holds_not "$LAB"/state-A/* "$LAB"/state-B/*
origin=$(at A node list --json | jq -r '.nodes[] | select(.name == "B") | .origin')
raw=$(printf '%s' "$origin" | sed 's/../\\x&/g')
echo "the store of A was searched for B's origin and name"
ok "row 22: no neighbour list" fails grep -aqE '"?address"?|17017' "$LAB"/state-A/*
if capture; then
    ok "the capture holds traffic" [ "$(stat -c %s "$LAB/wire")" -gt 5000 ]
    ok "rows 3, 19: none on the wire" holds_not "$LAB/wire"
else
    skip "rows 3, 19 on the wire: tcpdump or root is missing"
fi
finish
