# A server that starts in a millisecond: answers every request with 1.
while read -r line; do
  case $line in
    *'"id":'*)
      id=${line#*'"id":'}
      id=${id%%,*}
      printf '{"jsonrpc":"2.0","id":%s,"result":1}\n' "$id"
      ;;
  esac
done
