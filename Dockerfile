# A static binary on an empty image. Build it from a checkout, so that `--version` names the commit:
#
#   docker build -t fortilake .
#   docker run --rm fortilake crawl --simulate --sink ndjson:-
#
# The volume /data holds the state and, unless a sink says otherwise, what is published.

FROM rust:1.95-alpine AS build
RUN apk add --no-cache build-base ca-certificates git
WORKDIR /src
COPY . .
RUN cargo build --locked --profile dist --package fortilake --features full \
    && mkdir -p /image/usr/bin /image/usr/share/doc/fortilake /image/etc/ssl/certs /image/tmp /image/data \
    && cp target/dist/fortilake /image/usr/bin/ \
    && cp LICENSE-MIT LICENSE-APACHE /image/usr/share/doc/fortilake/ \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    && chmod 1777 /image/tmp && chmod 750 /image/data && chown 65532:65532 /image/data

FROM scratch
COPY --from=build /image/ /
USER 65532:65532
ENV FORTILAKE_STATE=/data/state
WORKDIR /data
VOLUME /data
# SIGTERM, which `docker stop` sends, ends a crawl within 8 seconds.
ENTRYPOINT ["/usr/bin/fortilake"]
CMD ["--help"]
