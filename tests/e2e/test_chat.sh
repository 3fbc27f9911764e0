#!/bin/bash
# `starling chat` on a terminal, as a person has it before them, and through a pipe.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/terminal.sh"
command -v tmux >/dev/null || {
    skip "the chat on a terminal: tmux is missing"
    exit 0
}
lab_begin
terminal_begin
lab_network A B
lab_line A B
node_up A && node_up B || exit 1
persona A alice
persona B bob
wait_until 30 knows A bob && wait_until 30 knows B alice || give_up "they know each other"

chat() { # WINDOW ARGUMENT…
    window "$1" "STARLING_SOCKET='$LAB/A.sock' '$BUILD/starling' chat ${*:2}"
}
type_text() {
    terminal send-keys -t chat -l -- "$1"
}
press() {
    terminal send-keys -t chat "$@"
}
enter() {
    type_text "$1"
    press Enter
}
chat chat

# ---- Messages and states ----
ok "it says who one is, and where" shows chat 'you are alice'
ok "and waits for a line" types chat '#general>'
type_text 'half a li'
ok "what is typed is shown" types chat '#general> half a li'
at B send '#general' 'first from bob' >/dev/null
at B send '#general' 'second from bob' >/dev/null
at B send alice 'for alice alone' >/dev/null
ok "what comes is shown above" shows chat ' bob: second from bob'
ok "messages of both kinds" shows chat ' bob → alice: for alice alone'
ok "and does not destroy the line being typed" types chat '#general> half a li'
type_text 'ne'
press Enter
ok "which is sent" wait_until 20 heard_count B alice general 1
ok "whole" [ "$(heard B alice general)" = '["half a line"]' ]
ok "its state stands below it, or is told later" shows chat '^      relayed|relayed: half a line'
enter '/msg bob psst'
ok "a direct message is shown with both names" shows chat 'alice → bob: psst'
ok "it is delivered" shows chat '^      delivered|delivered: psst'
at B inbox >/dev/null
ok "once bob looks at it, it is read" shows chat '^      read|read: psst'

# ---- Commands, history, editing ----
enter '/help'
ok "/help lists commands" shows chat '^-- /quit: '
enter '/halp'
ok "a misspelt command is not sent" shows chat 'no command /halp.*/help'
ok "it went nowhere" [ "$(heard B alice general)" = '["half a line"]' ]
press Up Up
ok "arrow up brings typed lines back" types chat '#general> /help'
press Down
ok "and arrow down" types chat '#general> /halp'
press C-u
type_text 'abcd'
press Left Left BSpace
type_text 'X'
ok "the line can be edited" types chat '#general> aXcd'
press C-c
ok "Ctrl-C drops the line, and not the chat" types chat '#general>'
type_text '/msg bo'
press Tab
ok "Tab completes nicks" types chat '#general> /msg bob'
press C-u
enter '/join #medics'
ok "one goes to another channel" types chat '#medics>'
enter 'anybody here?'
ok "and talks there" shows chat 'alice: anybody here\?'
at B send '#general' 'while alice is elsewhere' >/dev/null
ok "what comes elsewhere says where" shows chat '#general.* bob: while alice is elsewhere'
enter '/join #general'
types chat '#general>'

# ---- Hostile text, and another size ----
printf 'red \033[31m bell \007 end' | at B send '#general' - >/dev/null
ok "escape sequences come out as harmless text" shows chat 'bob: red .+ bell .+ end'
ok "the screen has no colour from it" none grep -q $'\033\[31m' <<<"$(terminal capture-pane -p -e -t chat)"
type_text 'a line that will not fit into a narrow window, but survives'
terminal resize-window -t chat -x 40
ok "a narrower window wraps the line" shows chat 'survives$'
at B send '#general' 'in the narrow window' >/dev/null
ok "messages still come" shows chat 'bob: in the narrow window'
terminal resize-window -t chat -x 100
ok "a wider one shows it whole" \
    types chat '#general> a line that will not fit into a narrow window, but survives'
press Enter
ok "and it is sent whole" wait_until 20 \
    eval 'heard B alice general | is_true ". == [\"half a line\", \"a line that will not fit into a narrow window, but survives\"]"'

# ---- The end ----
node_down A
ok "it says that starlingd went away, and ends" shows chat 'starlingd went away'
ok "with status 1" shows chat 'the status is 1'
node_up A || exit 1
unlock A alice
wait_until 30 links_up A 1
chat another bob
ok "a conversation begins with what was said" shows another 'alice: psst'
types another 'bob>'
terminal send-keys -t another '/quit' Enter
ok "/quit ends it with status 0" shows another 'the status is 0'
ok "nothing that was typed is in a file" fails grep -rqs 'half a line' "$LAB/home"

# ---- Through a pipe ----
lines=$'from a pipe\n/msg bob directly from a pipe\nwithout a line feed'
piped=$(at A chat <<<"$lines" 2>&1)
ok "a pipe sends each line" wait_until 20 heard_count B alice general 4
ok "and each once" [ "$(heard B alice general | jq -c '.[2:]')" = '["from a pipe","without a line feed"]' ]
ok "commands too" wait_until 20 heard_count B alice "" 2
ok "without any control characters" none grep -q $'\033' <<<"$piped"
finish
