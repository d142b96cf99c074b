import "reflect-metadata"; // The certificate library's own parts look for it when they are loaded.
import { randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import type { X509Certificate } from "@peculiar/x509";

/** A certificate and its key, as PEM. */
export type CertificateAndKey = Readonly<{ certificate: string; key: string }>;

/** An authority of a deployment's own, and the certificate of its NATS servers. */
export type ServerCertificates = Readonly<{ authority: CertificateAndKey; server: CertificateAndKey }>;

/** ECDSA on P-256: what every TLS 1.2 and 1.3 library knows. */
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3_650;
/** Clocks that are behind must not find a certificate that is not valid yet. */
const BACKDATED_MS = 3_600_000;

/**
 * Makes an authority, and a server's certificate from it.
 *
 * @param hosts - Names and addresses under which clients reach the servers.
 * @param days - How long the server's certificate counts.
 */
export async function makeCertificates(
  hosts: readonly string[],
  days: number,
  nowMs = Date.now(),
): Promise<ServerCertificates> {
  const x509 = await import("@peculiar/x509");
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
  const authorityKeys = await keyPair();
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: "CN=Resonance NATS authority",
    keys: authorityKeys,
    signingAlgorithm: ALGORITHM,
    ...validity(nowMs, AUTHORITY_DAYS),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const serverKeys = await keyPair();
  const server = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: "CN=Resonance NATS server",
    issuer: authority.subject,
    publicKey: serverKeys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    ...validity(nowMs, days),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      // A server is a client, too, towards the others of its cluster.
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
      ),
    ],
  });
  return { authority: await asPem(authority, authorityKeys), server: await asPem(server, serverKeys) };
}

/** Positive, whatever the bytes behind the first are. */
function serialNumber(): string {
  return `01${randomBytes(15).toString("hex")}`;
}

function keyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function validity(nowMs: number, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(nowMs - BACKDATED_MS), notAfter: new Date(nowMs + days * DAY_MS) };
}

async function asPem(
  certificate: X509Certificate,
  { privateKey }: webcrypto.CryptoKeyPair,
): Promise<CertificateAndKey> {
  const bytes = await webcrypto.subtle.exportKey("pkcs8", privateKey);
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  const key = ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n");
  return { certificate: `${certificate.toString("pem")}\n`, key };
}
