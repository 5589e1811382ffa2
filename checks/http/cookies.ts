import type { CookieJar } from 'tough-cookie';
import type { Response } from './exchange/reception.ts';

/** The cookies of one run (RFC 6265): what an answer sets goes along where its redirects lead. */
export class Cookies {
  #jar: CookieJar | undefined;

  async take(response: Response, url: URL): Promise<void> {
    const header = response.headers['set-cookie'];
    if (header === undefined) return;
    this.#jar ??= await createJar();
    for (const cookie of [header].flat()) {
      await this.#jar.setCookie(cookie, url.href, { ignoreError: true });
    }
  }

  async header(url: URL): Promise<string> {
    return (await this.#jar?.getCookieString(url.href)) ?? '';
  }
}

/** Loaded only by a run that is redirected with a cookie. */
async function createJar(): Promise<CookieJar> {
  const tough = await import('tough-cookie');
  return new tough.CookieJar(undefined, { rejectPublicSuffixes: false });
}
