# What befalls a radio, and whether what was said meanwhile arrives; sourced by scenarios after across.sh.
# Between A and B, where alice and bob are.

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

# pair_up: A and B are at work.
pair_up() {
    local node
    for node in A B; do node_up $node || exit 1; done
    ok "two boards link" wait_until 90 links_up A 1
    persona A alice
    persona B bob
    wait_until 60 knows B alice || give_up "they know each other"
}

nothing_lost() {
    ok "nothing is lost, and nothing came twice" \
        [ "$(heard B alice general)" = "$(printf '%s\n' "${expected[@]}" | jq -R . | jq -sc .)" ]
}
