#!/bin/bash
# The demo as a person sees it: on a terminal it stays up, and the commands that it prints let two
# people join in.
. "$(dirname "$0")/lib.sh"
command -v tmux >/dev/null || {
    skip "the demo on a terminal: tmux is missing"
    exit 0
}
lab_begin
terminal() {
    tmux -S "$LAB/tmux" -f /dev/null "$@"
}
hang_up() {
    terminal kill-server 2>/dev/null
    lab_end
}
trap hang_up EXIT
shows() { # WINDOW PATTERN SECONDS
    wait_until "$3" shows_now "$1" "$2" || {
        echo "expected /$2/ on this screen:"
        terminal capture-pane -p -t "$1" | grep -v '^$' | tail -n 30
        return 1
    }
}
shows_now() {
    terminal capture-pane -p -t "$1" | grep -qE -- "$2"
}
mkdir "$LAB/tmp"
terminal new-session -d -x 200 -y 100 -n demo \
    "TMPDIR='$LAB/tmp' '$(dirname "$0")/demo.sh' '$BUILD'; echo the status is \$?; exec sleep 1000"
ok "the demo goes through, and stays up" shows demo 'Press Enter' 120
ok "it says that all went well" shows demo 'Every message arrived once, intact and in order' 1
ok "nothing was wrong" none shows_now demo 'WRONG'

# join WINDOW NUMBER: types that one of the commands that it prints.
join() {
    local command
    command=$(terminal capture-pane -p -t demo | grep -E '^ +STARLING_SOCKET=' | sed -n "$2p")
    terminal new-window -d -n "$1" "$command"
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
