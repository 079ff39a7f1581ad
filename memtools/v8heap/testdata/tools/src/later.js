var greeting = 'hello';
export function greet(name) {
  console.log(greeting + ' ' + name);
}
