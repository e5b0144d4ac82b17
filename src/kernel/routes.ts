/**
 * Which device leads where, and what the way there is like: the routing table of one host, reduced to what TCP asks of it
 * (net/ipv4/route.c). By destination address: this host's own goes to lo, others to the device named for them; a host without a
 * named route sends everything to its first device.
 *
 * What an ICMP error says of a path holds for its destination for the rest of the run, or until the route is changed; Linux
 * forgets it after ten minutes.
 */
import { pathOptions, type PathOptions } from '../tcp/index.ts';
import type { Host } from './host.ts';
import { Lo } from './lo.ts';
import type { NetDevice } from './netdev.ts';

/** net.ipv4.route.min_pmtu, bytes: who says less is not believed. */
const MIN_PMTU = 552;

export class Routes {
  private readonly host: Host;
  private readonly devices = new Map<number, NetDevice>();
  private readonly paths = new Map<NetDevice, PathOptions>();
  /** Destinations with a path of their own. */
  private readonly exceptions = new Map<number, PathOptions>();

  constructor(host: Host) {
    this.host = host;
  }

  add(addr: number, device: NetDevice): void {
    this.devices.set(addr, device);
  }

  /** The device for `addr`; null: none. */
  deviceFor(addr: number): NetDevice | null {
    const named = this.devices.get(addr);
    if (named !== undefined) return named;
    const { devices, addr: own } = this.host;
    if (addr !== own && this.devices.size > 0) return null;
    for (const d of devices) if (d instanceof Lo === (addr === own)) return d;
    return null;
  }

  /** What the device says about the connections that use it: one object each. */
  pathOf(device: NetDevice): PathOptions {
    let path = this.paths.get(device);
    if (path === undefined) {
      path = pathOptions({
        mtu: device.mtu,
        gsoMaxSegs: device.gsoMaxSegs,
        gsoMaxSize: device.gsoMaxSize,
        fq: device.qdisc?.paces ?? false,
      });
      this.paths.set(device, path);
    }
    return path;
  }

  /** The path to `addr` by `device`. */
  pathTo(addr: number, device: NetDevice): PathOptions {
    return this.exceptions.get(addr) ?? this.pathOf(device);
  }

  /** What was said of single destinations is forgotten, as with the route it belonged to. */
  change(device: NetDevice, changes: Partial<PathOptions>): void {
    this.paths.set(device, pathOptions({ ...this.pathOf(device), ...changes }));
    this.exceptions.clear();
  }

  /** The path's MTU to `addr` is only `mtu` (__ip_rt_update_pmtu). @returns the path as it is now */
  reduce(addr: number, device: NetDevice, mtu: number): PathOptions {
    const path = this.pathTo(addr, device);
    if (path.mtuLocked || path.mtu < mtu) return path;
    const changed = pathOptions({ ...path, mtu: Math.min(path.mtu, Math.max(mtu, MIN_PMTU)) });
    this.exceptions.set(addr, changed);
    return changed;
  }
}
