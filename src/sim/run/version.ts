/** Of hostwire, as in package.json (a test holds them together): results carry it, and nothing below cli/ reads files. */
export const VERSION = '0.1.0';
