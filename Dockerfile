# syntax=docker/dockerfile:1
# The image of a node, for a NATS of its own: no shell, no package manager, no embedded server.

# The package as it is published.
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
COPY sd[k]/package.json ./sdk/
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm pack --pack-destination /tmp && mkdir /app && tar -xzf /tmp/resonance-engine-*.tgz --strip-components=1 -C /app

# What it needs to run, by the same lockfile. Scripts are left out: the ready builds of native parts serve, and Node is the image's.
# The compiler, which a library takes for its types if it is there, is of no use to what is compiled.
FROM node:24-bookworm-slim AS install
WORKDIR /app
COPY --from=build /app ./
COPY package-lock.json ./
COPY sd[k]/package.json ./sdk/
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf docs node_modules/typescript node_modules/@typescript && mkdir -p /data

FROM gcr.io/distroless/nodejs24-debian12:nonroot
WORKDIR /app
COPY --from=install --chown=0:0 /app ./
COPY --from=install --chown=65532:65532 /data /data
# glibc gives memory of commits and contexts back to the system only with a fixed bound (bin/resonance.js tells more).
ENV NODE_ENV=production \
    MALLOC_MMAP_THRESHOLD_=65536 \
    NODE_COMPILE_CACHE=/data/compiled \
    RESONANCE_DATA=/data \
    RESONANCE_ADMIN=0.0.0.0:8090
USER 65532:65532
VOLUME /data
EXPOSE 8080 8090
# A node hands its shards over when it is told to stop: give it half a minute.
STOPSIGNAL SIGTERM
# A certificate of the listener is for its name, not for this address: here it only has to answer.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["/nodejs/bin/node", "-e", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = 0; const ask = (scheme) => fetch(scheme + '://127.0.0.1:8090/readyz').then((r) => process.exit(r.ok ? 0 : 1)); ask('http').catch(() => ask('https')).catch(() => process.exit(1))"]
ENTRYPOINT ["/nodejs/bin/node", "/app/dist/src/cli/main.js"]
CMD ["up"]
