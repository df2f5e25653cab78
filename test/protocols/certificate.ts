/** A certificate for servers of tests, made once in each process. Who connects does not check it. */
import { generate } from 'selfsigned'

export interface Certificate { readonly key: string, readonly cert: string }

let made: Promise<Certificate> | undefined

/** The same certificate at each call. */
export function certificate (): Promise<Certificate> {
  made ??= generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec', algorithm: 'sha256' })
    .then((generated) => ({ key: generated.private, cert: generated.cert }))
  return made
}
