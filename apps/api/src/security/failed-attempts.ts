import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { networkOf } from '../http/address.js';

const WINDOW_MS = 60_000;
/** Wrong keys from one address in a window; further ones are told to wait. */
const MAX_ATTEMPTS = 10;
/** Beyond so many, those that tried longest ago are forgotten first. */
const MAX_ADDRESSES = 10_000;

/** How often each address has lately sent a key that is none, to this process. */
@Injectable()
export class FailedAttempts {
  private readonly windows = new LRUCache<string, { attempts: number; endsAt: number }>({
    max: MAX_ADDRESSES,
  });

  /** Counts one. @returns the seconds to wait, where there were too many; else null. */
  add(address: string): number | null {
    const network = networkOf(address);
    const now = performance.now();
    const window = this.windows.get(network);
    if (!window || now >= window.endsAt) {
      this.windows.set(network, { attempts: 1, endsAt: now + WINDOW_MS });
      return null;
    }
    window.attempts++;
    return window.attempts > MAX_ATTEMPTS ? Math.ceil((window.endsAt - now) / 1000) : null;
  }
}
