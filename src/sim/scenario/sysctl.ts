/** The sysctls of a simulated machine: one table for scenarios and for packetdrill scripts, kept with the kernel. */
export * from '../../kernel/sysctl-options.ts';
