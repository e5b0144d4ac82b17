/** placeholder */
export class SackCache {}
