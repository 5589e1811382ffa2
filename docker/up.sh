#!/bin/sh
# Starts docker/compose.yaml, with whichever compose there is; words are passed on:
#
#   docker/up.sh                 docker compose up --build --detach
#   docker/up.sh down --volumes  docker compose down --volumes
#
# Before the first start it makes a key for each agent and Grafana's password, in docker/compose/secrets.
set -eu
cd "$(dirname "$0")"
secrets=compose/secrets

random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }

# Files that containers read as another user, in a folder that nobody else on this machine enters.
# Made beside it and renamed when whole: an interrupted start leaves nothing half.
if [ ! -d "$secrets" ]; then
  new=$(mktemp -d "$secrets.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  trap 'exit 130' HUP INT TERM
  mkdir "$new/hashes"
  for region in eu-west us-east ap-south; do
    secret=$(random)
    printf '%s.%s' "$region" "$secret" > "$new/$region"
    printf '%s' "$secret" | sha256sum | cut -d ' ' -f 1 > "$new/hashes/$region"
  done
  random > "$new/grafana"
  chmod -R a+rX "$new"/*
  mv "$new" "$secrets"
  trap - EXIT HUP INT TERM
fi

if [ -n "${COMPOSE:-}" ]; then compose=$COMPOSE
elif docker compose version > /dev/null 2>&1; then compose='docker compose'
elif command -v docker-compose > /dev/null; then compose=docker-compose
elif command -v podman-compose > /dev/null; then compose=podman-compose
else echo 'up.sh: neither docker compose nor docker-compose nor podman-compose is here' >&2; exit 2
fi

[ $# -gt 0 ] || set -- up --build --detach
exec $compose -f compose.yaml "$@"
