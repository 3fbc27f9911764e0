#!/bin/bash
# The demo as a person sees it: on a terminal it stays up, and the commands that it prints let two
# people join in.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/terminal.sh"
command -v tmux >/dev/null || {
    skip "the demo on a terminal: tmux is missing"
    exit 0
}
lab_begin
terminal_begin
mkdir "$LAB/tmp"
window demo "TMPDIR='$LAB/tmp' '$(dirname "$0")/demo.sh' '$BUILD'"
terminal resize-window -t demo -x 200 -y 100
ok "the demo goes through, and stays up" shows demo 'Press Enter' 120
ok "it says that all went well" shows demo 'Every message arrived once, intact and in order' 1
ok "nothing was wrong" none shows_now demo 'WRONG'

# join WINDOW NUMBER: types that one of the commands that it prints.
join() {
    local command
    command=$(terminal capture-pane -p -t demo | grep -E '^ +STARLING_SOCKET=' | sed -n "$2p")
    window "$1" "$command"
}
join dana 1
join emil 2
ok "the first command lets one join" shows dana '#general>' 10
ok "and the second another" shows emil '#general>' 10
terminal send-keys -t dana 'anybody here?' Enter
ok "they see each other's messages" shows emil 'dana: anybody here\?' 20
terminal send-keys -t emil 'here I am' Enter
ok "in both directions" shows dana 'emil: here I am' 20
terminal send-keys -t demo Enter
ok "Enter ends it with status 0" shows demo 'the status is 0' 20
ok "and leaves nothing behind" [ -z "$(ls -A "$LAB/tmp")" ]
finish
