# Built without the local world; runs as nobody on a base with glibc, certificates and nothing else.
#   docker build -t watchkeeper .
# Both bases move; give them with their digests to build on the same ones again (docs/SECURITY.md, "The same image again").
#   docker run --env-file .env -v "$PWD/watchkeeper.yaml:/etc/watchkeeper/watchkeeper.yaml:ro" -v wk:/var/lib/watchkeeper watchkeeper
ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot
FROM ${RUST_IMAGE} AS build
RUN cargo install cargo-auditable --locked --version 0.7.1
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs ./
COPY src src
COPY assets assets
COPY migrations migrations
COPY benches benches
COPY tests/it tests/it
# The list of dependencies goes into the binary: `cargo audit bin` and scanners read it there.
# Relocations packed: two megabytes that are neither read nor held (needs glibc 2.36, which the base has).
ARG SOURCE_DATE_EPOCH=0
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} RUSTFLAGS="--remap-path-prefix=/src=. --remap-path-prefix=/usr/local/cargo=cargo -C link-arg=-Wl,-z,pack-relative-relocs"
RUN cargo auditable build --release --locked --no-default-features --bin watchkeeper \
 && install -d -o 65532 -g 65532 /data

FROM ${BASE_IMAGE}
COPY --from=build /src/target/release/watchkeeper /usr/local/bin/watchkeeper
COPY --from=build --chown=65532:65532 /data /var/lib/watchkeeper
# Memory that is free is given back at once.
ENV WATCHKEEPER_CONFIG=/etc/watchkeeper/watchkeeper.yaml MIMALLOC_PURGE_DELAY=0
WORKDIR /var/lib/watchkeeper
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/watchkeeper"]
CMD ["serve"]
