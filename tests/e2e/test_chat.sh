#!/bin/bash
# `starling chat` on a terminal, as a person has it before them, and through a pipe.
. "$(dirname "$0")/lib.sh"
command -v tmux >/dev/null || {
    skip "the chat on a terminal: tmux is missing"
    exit 0
}
lab_begin
lab_network A B
lab_line A B
node_up A && node_up B || exit 1
persona A alice
persona B bob
wait_until 30 knows A bob && wait_until 30 knows B alice || give_up "they know each other"

terminal() {
    tmux -S "$LAB/tmux" -f /dev/null "$@"
}
hang_up() {
    terminal kill-server 2>/dev/null
    lab_end
}
trap hang_up EXIT
type_text() {
    terminal send-keys -l -- "$1"
}
enter() {
    type_text "$1"
    terminal send-keys Enter
}
# Lines of the screen that are not empty, colours and all left out.
screen() {
    terminal capture-pane -p | grep -v '^$'
}
# The line being typed, which is the last.
typed() {
    screen | tail -n 1
}
shows() { # PATTERN: within a few seconds
    wait_until 10 shows_now "$1" || {
        echo "expected /$1/ on this screen:"
        screen
        return 1
    }
}
shows_now() {
    screen | grep -qE -- "$1"
}
types() { # LINE: it is the last line, exactly
    wait_until 10 types_now "$1" || {
        echo "expected '$1' as the last line of this screen:"
        screen
        return 1
    }
}
types_now() {
    [ "$(typed)" = "$1" ]
}
terminal new-session -d -x 80 -y 40 \
    "STARLING_SOCKET='$LAB/A.sock' '$BUILD/starling' chat; echo the status is \$?; exec sleep 1000"

# ---- Messages and states ----
ok "it says who one is, and where" shows 'you are alice'
ok "and waits for a line" types '#general>'
type_text 'half a li'
ok "what is typed is shown" types '#general> half a li'
at B send '#general' 'first from bob' >/dev/null
at B send '#general' 'second from bob' >/dev/null
at B send alice 'for alice alone' >/dev/null
ok "what comes is shown above" shows ' bob: second from bob'
ok "messages of both kinds" shows ' bob → alice: for alice alone'
ok "and does not destroy the line being typed" types '#general> half a li'
type_text 'ne'
terminal send-keys Enter
ok "which is sent" wait_until 20 heard_count B alice general 1
ok "whole" [ "$(heard B alice general)" = '["half a line"]' ]
ok "its state stands below it, or is told later" shows '^      relayed|relayed: half a line'
enter '/msg bob psst'
ok "a direct message is shown with both names" shows 'alice → bob: psst'
ok "it is delivered" shows '^      delivered|delivered: psst'
at B inbox >/dev/null
ok "once bob looks at it, it is read" shows '^      read|read: psst'

# ---- Commands, history, editing ----
enter '/help'
ok "/help lists commands" shows '^-- /quit: '
enter '/halp'
ok "a misspelt command is not sent" shows 'no command /halp.*/help'
ok "it went nowhere" [ "$(heard B alice general)" = '["half a line"]' ]
terminal send-keys Up Up
ok "arrow up brings typed lines back" types '#general> /help'
terminal send-keys Down
ok "and arrow down" types '#general> /halp'
terminal send-keys C-u
type_text 'abcd'
terminal send-keys Left Left BSpace
type_text 'X'
ok "the line can be edited" types '#general> aXcd'
terminal send-keys C-c
ok "Ctrl-C drops the line, and not the chat" types '#general>'
type_text '/msg bo'
terminal send-keys Tab
ok "Tab completes nicks" types '#general> /msg bob'
terminal send-keys C-u
enter '/join #medics'
ok "one goes to another channel" types '#medics>'
enter 'anybody here?'
ok "and talks there" shows 'alice: anybody here\?'
at B send '#general' 'while alice is elsewhere' >/dev/null
ok "what comes elsewhere says where" shows '#general.* bob: while alice is elsewhere'
enter '/join #general'
types '#general>'

# ---- Hostile text, and another size ----
printf 'red \033[31m bell \007 end' | at B send '#general' - >/dev/null
ok "escape sequences come out as harmless text" shows 'bob: red .+ bell .+ end'
ok "the screen has no colour from it" none grep -q $'\033\[31m' <<<"$(terminal capture-pane -p -e)"
type_text 'a line that will not fit into a narrow window, but survives'
terminal resize-window -x 40
ok "a narrower window wraps the line" shows 'survives$'
at B send '#general' 'in the narrow window' >/dev/null
ok "messages still come" shows 'bob: in the narrow window'
terminal resize-window -x 100
ok "a wider one shows it whole" \
    types '#general> a line that will not fit into a narrow window, but survives'
terminal send-keys Enter
ok "and it is sent whole" wait_until 20 \
    eval 'heard B alice general | jq -e ". == [\"half a line\", \"a line that will not fit into a narrow window, but survives\"]" >/dev/null'

# ---- The end ----
node_down A
ok "it says that starlingd went away, and ends" shows 'starlingd went away'
ok "with status 1" shows 'the status is 1'
node_up A || exit 1
unlock A alice
wait_until 30 links_up A 1
terminal respawn-window -k \
    "STARLING_SOCKET='$LAB/A.sock' '$BUILD/starling' chat bob; echo the status is \$?; exec sleep 1000"
ok "a conversation begins with what was said" shows 'alice: psst'
types 'bob>'
enter '/quit'
ok "/quit ends it with status 0" shows 'the status is 0'
ok "nothing that was typed is in a file" fails grep -rqs 'half a line' "$LAB/home"

# ---- Through a pipe ----
lines=$'from a pipe\n/msg bob directly from a pipe\nwithout a line feed'
piped=$(at A chat <<<"$lines" 2>&1)
ok "a pipe sends each line" wait_until 20 heard_count B alice general 4
ok "and each once" [ "$(heard B alice general | jq -c '.[2:]')" = '["from a pipe","without a line feed"]' ]
ok "commands too" wait_until 20 heard_count B alice "" 2
ok "without any control characters" none grep -q $'\033' <<<"$piped"
finish
