# Sourced by the runs: part TITLE COMMAND... runs a command between two lines that say what it is and how it ended, and
# sets status to 1 if it failed.
status=0
part() {
    local title=$1 begun=$SECONDS
    shift
    printf '\n== %s\n' "$title"
    if "$@"; then
        echo "-- $title: as expected, $((SECONDS - begun)) s"
    else
        echo "-- $title: NOT as expected, $((SECONDS - begun)) s"
        status=1
    fi
}
