# What CI runs, and what people run. `.ci/run` calls these recipes on a clean machine.

lab := env("LAB", "../shared/lab")

# List the recipes
default:
    @just --list --unsorted

# Everything that must pass before a change is merged, the lab aside
check: fmt clippy test doc layers size typos deny

# The tests, as the README has them
test:
    cargo test --workspace

# The GPG era, behind its feature: lints, and tests that need git and gpg
legacy:
    cargo clippy --locked -p catena-openpgp -p catena-cli --features openpgp --all-targets -- -D warnings
    cargo test --locked -p catena-openpgp -p catena-cli --features openpgp

# Evidence in an object store, behind its feature: lints and tests
store:
    cargo clippy --locked -p catena-evidence -p catena-worker -p catena-cli --features catena-cli/object-store --all-targets -- -D warnings
    cargo test --locked -p catena-evidence --features object-store

# Formatting; every file is named as well, in case one is no module
fmt:
    cargo fmt --all --check
    git ls-files -z '*.rs' | xargs -0 rustfmt --check --edition 2024

# Lints
clippy:
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo clippy --package catena-crypto --features pkcs11 --all-targets --locked -- -D warnings

# Documentation without warnings
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Arrows point inward, and pure packages are pure
layers:
    .ci/layers

# Files stay small enough to review
size:
    .ci/size

# Spelling
typos:
    typos

# Dependency policy; needs no network
deny:
    cargo deny --locked check bans licenses sources

# Known vulnerabilities in dependencies; needs the network, for the advisory database
advisories:
    cargo deny --locked check advisories

# The story from a commit to a trusted chain; with --all, every saboteur
demo *ARGS:
    cargo demo {{ ARGS }}

# Conformance with the black-box lab; as root
lab *ARGS:
    conformance/lab.sh {{ lab }} {{ ARGS }}

# Vectors and seeded mutations: catena, the published reference, and what is recorded of both
vectors *ARGS:
    conformance/vectors.sh {{ ARGS }}

# The published clients against the embedded Taskcluster
local *ARGS:
    conformance/local.sh {{ ARGS }}

# Documents of random artifact trees, beside the published scriptworker
generate *ARGS:
    conformance/generate.sh {{ ARGS }}

# How fast documents are generated, beside openssl; needs 3 GB and a quiet machine
bench-generate *ARGS:
    benches/generate.sh {{ ARGS }}

# What a worker adds to a task, beside the published scriptworker; on a quiet machine
bench-worker *ARGS:
    benches/worker.sh {{ ARGS }}

# The old tools beside the published ones; keys in openssl, ssh-agent and SoftHSM
tools *ARGS:
    conformance/tools.sh {{ ARGS }}

# How fast the embedded queue gives work to 50 workers
claims:
    cargo bench --locked -p catena-local --bench claims_http

# Benchmarks
bench:
    cargo bench --workspace --locked

# Whether the cost of a link grows with the chain
growth:
    cargo bench --locked -p catena-testkit --bench growth

# Changes the checks and the walk, one thing at a time: some test must notice. Half an hour; needs cargo-mutants
mutants *ARGS:
    python3 -m venv target/mutants-python
    target/mutants-python/bin/pip install --quiet tree-sitter==0.26.1 tree-sitter-rust==0.24.2
    target/mutants-python/bin/python conformance/mutants.py --out docs/mutants.json {{ ARGS }}

# Figures side by side with the Python reference, for benches/ and the README; as root, on a quiet machine
figures *ARGS:
    benches/side-by-side.sh {{ lab }} {{ ARGS }}

# The long runs: many more random cases and mutations, optimised, the lab's large worlds, advisories
nightly: advisories && growth mutants store (vectors "--full") (local "--full") (lab "--full")
    CATENA_MUTATIONS=5000 PROPTEST_CASES=20000 cargo test --workspace --release --locked -- --include-ignored
