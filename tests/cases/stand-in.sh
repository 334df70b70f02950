#!/bin/sh
# Stands in for the detector where the harness itself is tested: takes the same options, writes canned results.
[ "$1" = run ] || exit 102
shift
strict=0
while [ "$1" != -- ]; do
  case $1 in
    --mode) mode=$2; shift 2 ;;
    --policy) policy=$(cat "$2"); shift 2 ;;
    --record) record=$2; shift 2 ;;
    --report) case $2 in json=*) json=${2#json=} ;; text=*) text=${2#text=} ;; esac; shift 2 ;;
    --strict) strict=1; shift ;;
    *) exit 102 ;;
  esac
done
shift
echo "mode=$mode policy=$policy strict=$strict home=${HOME:+yes}" > "$record"
echo FAIL > "$text"
echo '{"verdict":"FAIL","findings":[{"rule":"leak","secret":["aws","npm"]},{"rule":"sensor-unexplained","secret":["git"]}]}' > "$json"
exec "$@"
