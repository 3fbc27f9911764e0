# People at two nodes who talk to each other; sourced by tests after lib.sh.

# stamped: each line of JSON that comes, with the time at which it came.
stamped() {
    local line
    while IFS= read -r line; do
        printf '{"at":%s,"is":%s}\n' "$EPOCHREALTIME" "$line"
    done
}

# follow NODE: records what comes in there from now on, in $LAB/NODE.came.
follow() {
    at "$1" inbox --follow --all --peek --json 2>/dev/null | stamped >"$LAB/$1.came" &
}

# say_all NODE COUNT: that many different messages into #general, by one command, for each takes half a
# second to begin on an emulated machine. Recorded in $LAB/NODE.said.
say_all() {
    local i
    for ((i = 1; i <= $2; i++)); do
        echo "message $i of $2, from $1"
    done | at "$1" chat --json 2>/dev/null | stamped >"$LAB/$1.said"
}

# latencies FROM TO: of what was said at FROM and came to TO, a JSON list in seconds.
latencies() {
    jq -nc --slurpfile said "$LAB/$1.said" --slurpfile came "$LAB/$2.came" '
        ($said | map(select(.is.outgoing)) | group_by(.is.text) |
            map({key: .[0].is.text, value: (map(.at) | min)}) | from_entries) as $sent |
        ($came | map(select((.is.outgoing | not) and $sent[.is.text]) | [.at - $sent[.is.text], 0] | max))'
}

# arrived FROM TO COUNT: whether that many did.
arrived() {
    [ "$(latencies "$1" "$2" | jq length)" -ge "$3" ]
}

# acquaint FROM TO: alice at FROM and carol at TO, who know each other.
acquaint() {
    persona "$1" alice
    persona "$2" carol
    ok "carol becomes known to $1" wait_until 60 knows "$1" carol
    ok "alice becomes known to $2" wait_until 60 knows "$2" alice
}

# talk_across FROM TO: these two, to everybody and to each other.
talk_across() {
    acquaint "$1" "$2"
    at "$1" send '#general' 'from one end to the other' >/dev/null
    ok "a channel message crosses from $1 to $2" wait_until 30 came "$2" 'from one end to the other'
    at "$2" send '#general' 'and back' >/dev/null
    ok "and one comes back" wait_until 30 came "$1" 'and back'
    direct_across "$1" "$2" carol
    direct_across "$2" "$1" alice
}

# hundred_across FROM TO: from alice at FROM to carol at TO.
hundred_across() {
    local from=$1 to=$2 took in_time
    acquaint "$from" "$to"
    follow "$to"
    say_all "$from" 100
    wait_until 60 arrived "$from" "$to" 100
    took=$(latencies "$from" "$to")
    in_time=$(jq 'map(select(. <= 10)) | length' <<<"$took")
    jq -r 'sort | "figure: \(length) of 100 came; half within \(.[length / 2 | floor] * 10 | round / 10) s, " +
        "the slowest after \(.[-1] * 10 | round / 10) s"' <<<"$took"
    echo "figure: $in_time of 100 within 10 s (goal: 98)"
    ok "all 100, once, in order" [ "$(heard "$to" alice general)" = \
        "$(jq -nc --arg from "$from" '[range(1; 101) | "message \(.) of 100, from \($from)"]')" ]
}

# direct_across FROM TO NICK: a direct message to NICK, who reads it, and what the sender sees of that.
direct_across() {
    local text="for $3 only, from $1"
    at "$1" send "$3" "$text" >/dev/null
    ok "a direct message comes through from $1 to $2" wait_until 60 came "$2" "$text"
    at "$2" inbox >/dev/null
    ok "and its receipts come back" wait_until 60 is_read "$1" "$text"
}

# came NODE TEXT, is_read NODE TEXT: what the inbox there says of a message.
came() {
    at "$1" inbox --all --peek --json | is_true --arg text "$2" \
        '.messages | any(.text == $text and (.outgoing | not))'
}

# everybody_hears TEXT FROM NODE…: whether it came to all of them but the one it is from.
everybody_hears() {
    local text=$1 from=$2 node
    for node in "${@:3}"; do
        [ "$node" = "$from" ] || came "$node" "$text" || return 1
    done
}

is_read() {
    at "$1" inbox --all --peek --json | is_true --arg text "$2" \
        '.messages | any(.text == $text and .state == "read")'
}
