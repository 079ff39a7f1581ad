module.exports = { echo: (value) => value };
