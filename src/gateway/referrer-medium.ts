import { parse } from "tldts";

/** Where somebody came from, as coarse as it is kept. */
export type Referrer = Readonly<{ referrer: string; medium?: string }>;

/** Whatever names a place on the web; anything else is a name that a service has given itself, such as `newsletter`. */
const URL_LIKE = /^([a-z][a-z0-9+.-]*:)?\/\//i;
const HOST_LIKE = /^[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?([/?#].*)?$/;
/** What an app of a telephone is known by: its name is no domain. */
const APP = /^(?:android-app|ios-app):\/\/([^/?#]+)/i;

/** Hosts that mail is read on; of their domains the rest is something else. */
const MAIL_HOST = /^(e?mail|webmail|outlook|deref-mail)\./;
/**
 * Names of domains, whatever they end in (google.com, google.co.uk). The libraries that know more of them have not been kept up for
 * years; a site that is in no list is a `referral`, and its domain is kept anyway.
 */
const MEDIUM_OF: ReadonlyMap<string, string> = new Map(
  Object.entries({
    search: "google bing duckduckgo yahoo baidu yandex ecosia qwant startpage naver seznam sogou brave ask",
    social:
      "facebook fb instagram threads twitter x linkedin lnkd pinterest reddit tiktok youtube youtu vk ok weibo snapchat whatsapp telegram bsky tumblr quora discord",
    email: "gmail gmx proton protonmail fastmail",
    assistant: "chatgpt openai perplexity claude",
  }).flatMap(([medium, names]) => names.split(" ").map((name) => [name, medium] as const)),
);
/** Short links, whose names say nothing. */
const MEDIUM_OF_DOMAIN: ReadonlyMap<string, string> = new Map([
  ["t.co", "social"],
  ["t.me", "social"],
  ["wa.me", "social"],
]);

/**
 * A referrer without what may name a person: of an address the registrable domain alone, with what kind of site it is. What is no
 * address is taken as it is.
 */
export function referrerOf(text: string): Referrer {
  if (text === "") return { referrer: text, medium: "direct" };
  const app = APP.exec(text)?.[1];
  if (app !== undefined) return { referrer: app.toLowerCase(), medium: "app" };
  const isUrl = URL_LIKE.test(text);
  if (!isUrl && !HOST_LIKE.test(text)) return { referrer: text };
  const { domain, domainWithoutSuffix, hostname, isIcann } = parse(text);
  if (domain !== null && (isUrl || isIcann === true))
    return { referrer: domain, medium: mediumOf(domain, domainWithoutSuffix ?? "", hostname ?? "") };
  // An address inside a company, or a number, has no domain.
  return isUrl ? { referrer: hostname ?? "", medium: "referral" } : { referrer: text };
}

function mediumOf(domain: string, name: string, hostname: string): string {
  if (MAIL_HOST.test(hostname)) return "email";
  return MEDIUM_OF_DOMAIN.get(domain) ?? MEDIUM_OF.get(name) ?? "referral";
}
