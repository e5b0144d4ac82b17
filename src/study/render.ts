/** A picture as SVG and as PNG. Without a browser, a canvas or a font of the system: all that is needed ships with the package. */
import { fileURLToPath } from 'node:url';
import { Resvg } from '@resvg/resvg-js';
import { type Config, parse, View, type Spec } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { FONT } from './picture.ts';

/** Beside src/ and dist/ alike. */
const FONTS: readonly string[] = ['IBMPlexSans-Regular.ttf', 'IBMPlexSans-SemiBold.ttf'].map(
  (name) => fileURLToPath(new URL(`../../assets/fonts/${name}`, import.meta.url)),
);
/** Pixels of a PNG per pixel of the picture: sharp on screens of today. */
const ZOOM = 2;

export async function renderSvg(picture: TopLevelSpec): Promise<string> {
  const spec: Spec = compile(picture).spec;
  const config: Config = {};
  const view = new View(parse(spec, config), { renderer: 'none' });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}

export function renderPng(svg: string): Uint8Array {
  const resvg = new Resvg(svg, {
    font: { fontFiles: [...FONTS], loadSystemFonts: false, defaultFontFamily: FONT },
    fitTo: { mode: 'zoom', value: ZOOM },
  });
  return resvg.render().asPng();
}
