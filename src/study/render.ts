/** A picture as SVG and as PNG. Without a browser, a canvas or a font of the system: all that is needed ships with the package. */
import { fileURLToPath } from 'node:url';
import { Resvg } from '@resvg/resvg-js';
import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { FONT } from './picture.ts';

/** Beside src/ and dist/ alike. */
const FONTS: readonly string[] = ['IBMPlexSans-Regular.ttf', 'IBMPlexSans-SemiBold.ttf'].map(
  (name) => fileURLToPath(new URL(`../../assets/fonts/${name}`, import.meta.url)),
);
/** Pixels of a PNG per pixel of the picture: sharp on screens of today. */
const ZOOM = 2;

export async function renderSvg(picture: TopLevelSpec): Promise<string> {
  const { spec } = compile(picture);
  measureTexts();
  const view = new vega.View(vega.parse(spec), { renderer: 'none' });
  try {
    const svg = await view.toSVG();
    // Vega says this only to a browser: the picture in words, for screen readers.
    const words = escaped(String(picture.description ?? ''));
    return `${svg.replace('<svg ', `<svg role="img" aria-label="${words}" `)}\n`;
  } finally {
    view.finalize();
  }
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');

/**
 * Without a canvas Vega takes each letter for 0.8 em, and leaves room for texts that are not there. Shares of an em in
 * IBM Plex Sans, by kind of letter; rather a little too wide, for readers whose system has another font.
 */
function measureTexts(): void {
  // Exported, and not in Vega's types.
  const { textMetrics: metrics } = vega as unknown as {
    textMetrics: { width: (item: { readonly fontSize?: number }, text: unknown) => number };
  };
  metrics.width = (item, text) => {
    const shares = Array.from(String(text ?? ''), (c) =>
      /[ijlft.,:;|!'()[\] ]/.test(c)
        ? 0.36
        : /[mwMW%@]/.test(c)
          ? 0.92
          : /[A-Z]/.test(c)
            ? 0.68
            : 0.6,
    );
    return shares.reduce((sum, share) => sum + share, 0) * (item.fontSize ?? 11);
  };
}

export function renderPng(svg: string): Uint8Array {
  const resvg = new Resvg(svg, {
    font: { fontFiles: [...FONTS], loadSystemFonts: false, defaultFontFamily: FONT },
    fitTo: { mode: 'zoom', value: ZOOM },
  });
  return resvg.render().asPng();
}
