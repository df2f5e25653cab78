/** What @hey-api/openapi-ts generates the client from, and where to. */
export default {
  input: './openapi.json',
  output: { path: '../.made/hey-api', importFileExtension: '.ts' },
  plugins: ['@hey-api/client-fetch', '@hey-api/sdk', '@hey-api/typescript']
}
