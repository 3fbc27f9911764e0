# Searches recordings, logs and disks for what must not be there; sourced by tests after lib.sh.
export LC_ALL=C # bytes are searched for

# has PATTERN FILE…: in capitals or not; for bytes, has_bytes.
has() {
    grep -aqiE -- "$@"
}
has_bytes() { # HEX FILE…; grep -P would miss a line feed among them
    cat -- "${@:2}" >/dev/null || return 2
    cat -- "${@:2}" | xxd -p | tr -d '\n' | grep -q -- "$1"
}
has_base64() { # of a private channel's key: as text, and as bytes
    has "$1" "${@:2}" ||
        has_bytes "$(tr '_-' '/+' <<<"$1=" | base64 -d | xxd -p -c 64)" "${@:2}"
}
# absent SEARCH…: it found nothing, and did not fail either.
absent() {
    "$@"
    [ $? = 1 ]
}

# plant A B: two nodes that know each other as ana-nickname and ben-nickname talk in every way. Sets key,
# code, channel_key, origin, node_seed and address, which are to be searched for.
plant() {
    local a=$1 b=$2
    persona "$a" ana-nickname
    persona "$b" ben-nickname
    wait_until 60 knows "$a" ben-nickname && wait_until 60 knows "$b" ana-nickname ||
        give_up "they know each other"
    at "$a" send '#general' "a secret to the channel" >/dev/null
    at "$a" channels create conspiracy >"$LAB/link" 2>/dev/null
    at "$a" send '#conspiracy' "a secret among friends" >/dev/null
    at "$a" send ben-nickname --wait delivered --timeout 30 "a secret for one" >/dev/null
    ok "the direct message was delivered" wait_until 30 heard_count "$b" ana-nickname "" 1
    ok "the message to the channel too" wait_until 30 heard_count "$b" ana-nickname general 1
    at "$b" inbox >/dev/null
    at "$b" send ana-nickname "a secret in answer" >/dev/null
    wait_until 30 heard_count "$a" ben-nickname "" 1
    key=$(person "$a" key)
    code=$(person "$a" code)
    channel_key=$(sed -n 's/.*#\([A-Za-z0-9_-]\{43\}\).*/\1/p' "$LAB/link")
    origin=$("$BUILD/starling" node list --json | jq -r ".nodes[] | select(.name == \"$b\") | .origin")
    node_seed=$(tr -d '\n' <"$LAB/network/nodes/$a/node.seed")
    address=$(at "$a" neighbours --json | jq -r '.neighbours[0].address' | sed 's/^\[\(.*\)\]:.*/\1/')
}

person() { # NODE FIELD: of ben
    at "$1" people --json | jq -r ".people[] | select(.nick == \"ben-nickname\") | .$2"
}

# What people are called, write, and hold.
holds_secrets() {
    has 'secret (to|among|for|in)|-nickname|conspiracy|correct horse' "$@" && echo "text" && return
    has "$key|$code" "$@" && echo "a key as text" && return
    has_bytes "$key" "$@" && echo "a key" && return
    has_base64 "$channel_key" "$@" && echo "a channel's key"
}

# The search finds what was planted, where it is: else its silence would say nothing.
search_works() {
    {
        echo "$key" | xxd -r -p
        echo "$channel_key"
    } >"$LAB/control"
    ok "the search finds a key among bytes" has_bytes "$key" "$LAB/control"
    ok "and that of a channel" has_base64 "$channel_key" "$LAB/control"
    ok "and text, and says so" [ "$(holds_secrets "$LAB/link")" = text ]
    [ ${#key} = 64 ] && [ ${#channel_key} = 43 ] && [ ${#origin} = 16 ] && [ -n "$code" ] &&
        [ -n "$address" ] && [ ${#node_seed} = 64 ] || give_up "there is something to search for"
}
