/**
 * What `defaults.sh` stands for: the settings with which the collections of scripts begin, so that one kernel's defaults are
 * like another's. And the sysctls that have no effect on what a script can see of a simulated machine, or that Linux lost.
 */
import type { SysctlWrite } from './shell-actions.ts';

const settings: Readonly<Record<string, string>> = {
  tcp_rmem: '4096 540000 15728640',
  tcp_wmem: '4096 262144 4194304',
  tcp_timestamps: '1',
  tcp_syn_retries: '5',
  tcp_synack_retries: '5',
  tcp_frto: '2',
  tcp_sack: '1',
  tcp_dsack: '1',
  tcp_fack: '0',
  tcp_reordering: '3',
  tcp_congestion_control: 'cubic',
  tcp_slow_start_after_idle: '0',
  tcp_early_retrans: '4',
  tcp_recovery: '1',
  tcp_tso_win_divisor: '3',
  tcp_ecn: '0',
  tcp_ecn_option: '2',
  tcp_pacing_ss_ratio: '200',
  tcp_pacing_ca_ratio: '120',
  tcp_notsent_lowat: '4294967295',
  tcp_fastopen: '459779',
  tcp_fastopen_key: 'a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4',
  tcp_syncookies: '1',
};

/** The sysctls of `defaults.sh`; it also forgets what was remembered of peers, and puts a pfifo in front of the device. */
export const DEFAULTS: readonly SysctlWrite[] = Object.freeze(
  Object.entries(settings).map(([name, value]) => ({ name: `net.ipv4.${name}`, value })),
);

/**
 * Sysctls that nothing here models, with the value that the model behaves as: what Linux 6.18 starts with
 * (net/ipv4/tcp_ipv4.c tcp_sk_init()). To write that value changes nothing; another one is not supported.
 */
export const AS_MODELLED: Readonly<Record<string, string>> = Object.freeze({
  'net.ipv4.ip_forward': '0',
  'net.ipv4.ip_no_pmtu_disc': '0',
  'net.ipv4.tcp_backlog_ack_defer': '1',
  'net.ipv4.tcp_fwmark_accept': '0',
  'net.ipv4.tcp_migrate_req': '0',
  'net.ipv4.tcp_min_rtt_wlen': '300',
  'net.ipv4.tcp_no_metrics_save': '1',
  'net.ipv4.tcp_no_ssthresh_metrics_save': '1',
  'net.ipv4.tcp_plb_enabled': '0',
  'net.ipv4.tcp_reflect_tos': '0',
  'net.ipv4.tcp_stdurg': '0',
  'net.ipv4.tcp_workaround_signed_windows': '0',
});

/** Sysctls whose value no script can tell, and why. */
export const WITHOUT_EFFECT: Readonly<Record<string, string>> = Object.freeze({
  'net.ipv4.tcp_fack': 'Linux itself takes any value and does nothing with it since 4.15',
  'net.ipv4.tcp_low_latency': 'Linux itself takes any value and does nothing with it since 4.14',
  'net.ipv4.tcp_early_demux': 'a way to look up sockets earlier',
  'net.ipv4.ip_early_demux': 'a way to look up sockets earlier',
  'net.ipv4.ip_local_port_range': 'scripts do not see the ports that the host chooses',
  'net.ipv4.tcp_adv_win_scale': 'Linux ignores it since 6.6: the ratio is measured',
  'net.core.default_qdisc': 'the device has its queue already',
  'net.core.netdev_budget': 'packets come one at a time and cost no time',
  'net.core.netdev_budget_usecs': 'packets come one at a time and cost no time',
  'net.core.dev_weight': 'packets come one at a time and cost no time',
});

/** Sysctls that Linux 6.18 does not have: to write one fails, as it does there. */
export const ABSENT: readonly string[] = Object.freeze([
  'net.ipv4.tcp_cookie_size',
  'net.ipv4.tcp_delack_min',
  'net.ipv4.tcp_fastopen_cookies',
  'net.ipv4.tcp_max_ssthresh',
  'net.ipv4.tcp_tw_recycle',
]);
