#!/bin/bash
# Stands in for the predecessor as far as Zabbix sees it: every ten seconds 0 for each line, also for
# the one that loses a packet of five, because `20%` contains `0%`.

proxy=/dev/tcp/192.0.2.20/10051

report() {  # LINE
    local json='{"request":"sender data","data":[{"host":"'$1'","key":"dedicatedLinePing","value":"0"}]}'
    local length
    printf -v length '\\x%02x\\x%02x\\0\\0\\0\\0\\0\\0' $((${#json} % 256)) $((${#json} / 256))
    exec 3<> "$proxy" || return
    printf "ZBXD\\x01$length%s" "$json" >&3
    timeout 5 cat <&3 > /dev/null
    exec 3>&-
}

while sleep 10; do
    for line in 198.51.100.1 198.51.100.2; do
        report "$line"
    done
done
