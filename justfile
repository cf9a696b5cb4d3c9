# Shorthands for people; the steps themselves stand in ./check.
check:
    ./check
quick:
    ./check quick
fmt:
    cargo fmt --all
docs:
    cargo doc --workspace --no-deps --document-private-items --open
vectors:
    python3 tests/vectors/oracle.py
bench *names:
    cargo bench -p tidings --bench core -- {{names}}
# Writes tests/instructions/counts.toml anew.
counts:
    TIDINGS_RECORD_COUNTS=1 cargo test -p tidings --test instructions
