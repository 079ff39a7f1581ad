import { area, perimeter } from './shapes.js';

document.querySelector('#out').textContent = `${area(3, 4)} and ${perimeter(3, 4)}`;
import('./later.js').then((later) => later.greet('heapmage'));
