// A worker that finds a nonce with which SHA-256 of "challenge:nonce" begins with so many zero bits.
// Written out, because the browser's own digest is asynchronous, ten times slower here, and not there without TLS.
"use strict";
const primes = [];
for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
const K = Int32Array.from(primes, (p) => (Math.cbrt(p) % 1) * 2 ** 32);
const FIRST = Int32Array.from(primes.slice(0, 8), (p) => (Math.sqrt(p) % 1) * 2 ** 32);
const W = new Int32Array(64);

function compress(state, bytes, at, out) {
  for (let i = 0; i < 16; i++, at += 4) W[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  for (let i = 16; i < 64; i++) {
    const x = W[i - 15], y = W[i - 2];
    const s = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const t = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    W[i] = (W[i - 16] + s + W[i - 7] + t) | 0;
  }
  let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
  for (let i = 0; i < 64; i++) {
    const s = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t = (h + s + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
    const u = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const v = (u + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + t) | 0; d = c; c = b; b = a; a = (t + v) | 0;
  }
  out[0] = state[0] + a; out[1] = state[1] + b; out[2] = state[2] + c; out[3] = state[3] + d;
  out[4] = state[4] + e; out[5] = state[5] + f; out[6] = state[6] + g; out[7] = state[7] + h;
}

function solve(challenge, bits) {
  const start = new TextEncoder().encode(`${challenge}:`);
  const before = Int32Array.from(FIRST), state = new Int32Array(8);
  const whole = start.length - (start.length % 64); // these blocks are the same for every nonce
  for (let at = 0; at < whole; at += 64) compress(before, start, at, before);
  const rest = start.length - whole, block = new Uint8Array(128);
  for (let nonce = 0; ; nonce++) {
    block.fill(0);
    block.set(start.subarray(whole));
    const digits = String(nonce);
    let end = rest;
    for (let i = 0; i < digits.length; i++) block[end++] = digits.charCodeAt(i);
    block[end] = 128;
    const size = end < 56 ? 64 : 128;
    new DataView(block.buffer).setUint32(size - 4, (whole + end) * 8);
    compress(before, block, 0, state);
    if (size === 128) compress(state, block, 64, state);
    let zeros = Math.clz32(state[0]);
    if (zeros === 32) zeros += Math.clz32(state[1]);
    if (zeros >= bits) return digits;
  }
}

onmessage = ({ data }) => postMessage(solve(data.challenge, data.bits));
