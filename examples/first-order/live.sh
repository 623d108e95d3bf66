#!/bin/sh
# Reports a quiet market to a running sidecar, then asks for one order. Run it in the clone, beside `serve`:
#   sh examples/first-order/live.sh QUANTITY
set -eu
url=${EPHOR_URL:-http://127.0.0.1:7411}
home=${EPHOR_HOME:-.ephor}
quantity=${1:-100}

# post PATH TOKEN BODY
post() {
  curl -sS "$url$1" -H "authorization: Bearer $(cat "$home/tokens/$2")" -H 'content-type: application/json' -d "$3"
  echo
}

now=$(date +%s)000
minute=$(((now / 60000) * 60000)) # bars end on whole minutes, so that running this again replaces them

bars=
for ago in 6 5 4 3 2 1; do
  from=$((minute - ago * 60000))
  bars="$bars{\"kind\":\"bar\",\"instrument\":\"AAPL\",\"from\":$from,\"to\":$((from + 60000)),\"open\":200,\"high\":200.3,\"low\":199.5,\"close\":200,\"volume\":80000},"
done

post /v1/observations feed "[
  {\"kind\":\"instrument\",\"instrument\":\"AAPL\",\"assetClass\":\"equity\",\"currency\":\"USD\",\"lot\":1,\"tick\":0.01,\"multiplier\":1,\"adv\":50000000,\"sharesOutstanding\":15000000000,\"status\":\"open\",\"at\":$now},
  {\"kind\":\"account\",\"account\":\"main\",\"currency\":\"USD\",\"equity\":10000000,\"cash\":9800000,\"at\":$now},
  {\"kind\":\"portfolio\",\"account\":\"main\",\"positions\":[{\"instrument\":\"AAPL\",\"quantity\":1000}],\"at\":$now},
  $bars
  {\"kind\":\"price\",\"instrument\":\"AAPL\",\"source\":\"nyse\",\"price\":200,\"at\":$now},
  {\"kind\":\"price\",\"instrument\":\"AAPL\",\"source\":\"bats\",\"price\":200.02,\"at\":$now}
]"

post /v1/actions alpha "{
  \"id\": \"$(node -p "require('uuid').v7()")\",
  \"agent\": \"alpha\",
  \"action\": {\"type\":\"order\",\"account\":\"main\",\"instrument\":\"AAPL\",\"side\":\"buy\",\"quantity\":$quantity,\"orderType\":\"limit\",\"limitPrice\":200}
}"
