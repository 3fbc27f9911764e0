# A hundred messages over hops that lose many; sourced by tests after lib.sh.

# hundred_across FROM TO: from alice at FROM to carol at TO, who know each other when this returns.
hundred_across() {
    local from=$1 to=$2 texts sent_at at_ten_seconds=0
    persona "$from" alice
    persona "$to" carol
    ok "carol becomes known to $from" wait_until 60 knows "$from" carol
    ok "alice becomes known to $to" wait_until 60 knows "$to" alice
    texts=$(jq -nc '[range(1; 101) | "message \(.) of a hundred, over hops that lose forty percent"]')
    # One command for all: on an emulated machine each takes half a second to begin.
    jq -r '.[]' <<<"$texts" | at "$from" chat >/dev/null 2>&1
    sent_at=$(date +%s%N)
    # Asking takes its time too: what was there when it was asked counts.
    while [ $at_ten_seconds -lt 98 ] && [ $((($(date +%s%N) - sent_at) / 1000000)) -lt 10000 ]; do
        sleep 0.1
        at_ten_seconds=$(heard "$to" alice general | jq length)
    done
    echo "$at_ten_seconds of 100 after $((($(date +%s%N) - sent_at) / 1000000)) ms"
    ok "at least 98 of 100 arrive within 10 s" [ "$at_ten_seconds" -ge 98 ]
    wait_until 60 heard_count "$to" alice general 100
    ok "all 100, once, in order" [ "$(heard "$to" alice general)" = "$texts" ]
}

# direct_across FROM TO NICK: a direct message to NICK, which is read there, and what the sender sees of it.
direct_across() {
    local text="for $3 only, from $1"
    at "$1" send "$3" "$text" >/dev/null
    ok "a direct message comes through from $1 to $2" wait_until 60 came "$2" "$text"
    at "$2" inbox >/dev/null
    ok "and its receipts come back" wait_until 60 is_read "$1" "$text"
}

# came NODE TEXT, is_read NODE TEXT: what the inbox there says of a message.
came() {
    at "$1" inbox --all --peek --json | jq -e --arg text "$2" \
        '.messages | any(.text == $text and (.outgoing | not))' >/dev/null
}

is_read() {
    at "$1" inbox --all --peek --json | jq -e --arg text "$2" \
        '.messages | any(.text == $text and .state == "read")' >/dev/null
}
