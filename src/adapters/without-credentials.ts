/** URLs of servers, without the names and secrets in them: for what is shown or logged. */
export function withoutCredentials(urls: string): string {
  return urls.replaceAll(/((?:^|,|\/\/)\s*)[^\s/,@]*@/g, "$1…@");
}
