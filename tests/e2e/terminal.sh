# A terminal with somebody in front of it, for the end-to-end tests; sourced after lib.sh. It is tmux,
# with a server of its own.

# terminal_begin: after lab_begin.
terminal_begin() {
    trap 'terminal kill-server 2>/dev/null; lab_end' EXIT
    export SHELL=/bin/bash # who runs this may have none that runs commands
}

terminal() {
    tmux -S "$LAB/tmux" -f /dev/null "$@"
}

# window NAME COMMAND: a window that stays when the command has ended, and shows its status.
window() {
    local command="$2; echo the status is \$?; exec sleep 1000"
    if terminal has-session 2>/dev/null; then
        terminal new-window -d -n "$1" "$command"
    else
        terminal new-session -d -x 80 -y 40 -n "$1" "$command"
    fi
    terminal has-session || give_up "there is a terminal"
}

# screen WINDOW: its lines that are not empty, colours and all left out.
screen() {
    terminal capture-pane -p -t "$1" | grep -v '^$'
}

# shows WINDOW PATTERN [SECONDS]: whether it soon does; else what it does show.
shows() {
    wait_until "${3:-10}" shows_now "$1" "$2" || {
        echo "expected /$2/ on this screen:"
        screen "$1"
        return 1
    }
}
shows_now() {
    screen "$1" | grep -qE -- "$2"
}

# types WINDOW LINE: whether its last line soon is that one, exactly.
types() {
    wait_until 10 types_now "$1" "$2" || {
        echo "expected '$2' as the last line of this screen:"
        screen "$1"
        return 1
    }
}
types_now() {
    [ "$(screen "$1" | tail -n 1)" = "$2" ]
}
