#!/bin/sh
# Runs a crawl for cron, and prints only what somebody has to act on: cron mails what is printed.
#
# A line for `crontab -e`, for every day at 5:
#
#   0 5 * * * cd /var/lib/fortilake && /usr/local/bin/cron.sh
#
# The folder contains `fortilake.toml`. Options for `crawl` can follow the script's name.
set -u

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

# A limit makes the crawl wait instead of ending. If it is not done after six hours, the run of the
# next day goes on if that is within `max_idle`, and otherwise starts over.
fortilake crawl --wait --deadline 6h "$@" >"$log" 2>&1
code=$?
case $code in
0) exit 0 ;;           # complete and published
75 | 130) exit 0 ;;    # paused or stopped: the next run goes on
3) echo "a partial snapshot was published; these scopes are missing:" ;;
4) echo "nothing was published, because rows would disappear:" ;;
2) echo "the crawl did not start:" ;;
*) echo "the crawl failed with exit code $code:" ;;
esac
cat "$log"
exit "$code"
