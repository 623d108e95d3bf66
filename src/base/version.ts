/** The version of Ephor that decided, recorded with every decision; a test holds it to package.json. */
export const VERSION = '0.1.0'
