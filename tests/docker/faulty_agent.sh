#!/bin/bash
# Speaks just enough of the Agent Client Protocol to fail in the way that $FAULT names, at its first prompt.
say() { printf '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"%s"}}}}\n' "$1"; }
answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
ask_model() {
  exec 3<>/dev/tcp/127.0.0.1/8901 || return
  printf 'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 25\r\nConnection: close\r\n\r\n{"model":"subject-model"}' >&3
  cat <&3 >/dev/null
}
[ "$FAULT" = starts-badly ] && { echo "no settings" >&2; exit 3; }
while IFS= read -r line; do
  [[ $line =~ \"id\":\ *([0-9]+) ]] && id=${BASH_REMATCH[1]}
  case $line in
  *'"initialize"'*) answer '{"protocolVersion":1,"agentCapabilities":{}}' ;;
  *'"session/new"'*) answer '{"sessionId":"s1"}' ;;
  *'"session/prompt"'*)
    [ "$FAULT" = says-nothing ] || say "I begin."
    case $FAULT in
    crashes) echo "segmentation fault" >&2; exit 139 ;;
    leaves) exit 0 ;;
    hangs) sleep 600 ;;
    garbage) head -c 3000 /dev/urandom | base64 -w 0; echo; exit 0 ;;
    errs) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32603,"message":"Internal error"}}\n' "$id"; continue ;;
    refuses) answer '{"stopReason":"refusal"}'; continue ;;
    floods) text=$(head -c 60000 /dev/zero | tr '\0' x); while say "$text"; do :; done ;;
    hungry) x=$(head -c 3000000000 /dev/zero | tr '\0' a); exit 137 ;;
    loses-model) ask_model; exit 1 ;;
    deletes) rm -rf /app ;;
    esac
    answer '{"stopReason":"end_turn"}' ;;
  esac
done
